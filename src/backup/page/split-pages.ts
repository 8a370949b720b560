// Entries in key order as pages. A page ends where a range of the content root does, so that an insertion moves no other boundary,
// and two snapshots with equal runs of entries have equal pages.

import { sha256Of } from "../../core/fingerprint.ts";
import type { Key } from "../../core/key.ts";
import type { PageEntry } from "../repository/repository.ts";
import { encodePageEntry } from "./page-lines.ts";

export interface EncodedPage {
  readonly bytes: Uint8Array;
  /** The SHA-256 of `bytes`, by which a snapshot refers to the page. */
  readonly id: string;
  readonly entries: number;
  readonly firstKey: Key;
}

export interface PageSplitter {
  /** Adds the next entry, behind which a range of the content root ends or does not; returns the page that it ends. */
  add(entry: PageEntry, endsRange: boolean): EncodedPage | undefined;
  /** What is left. */
  end(): EncodedPage | undefined;
}

/** A page has so many entries at the most, whatever the hashes of its keys. */
export const PAGE_ENTRIES_MAX = 8192;

export function openPageSplitter(): PageSplitter {
  let lines: string[] = [];
  let firstKey: Key | undefined;
  const end = (): EncodedPage | undefined => {
    if (firstKey === undefined) return undefined;
    const bytes = Buffer.from(lines.join(""));
    const page = { bytes, id: sha256Of(bytes), entries: lines.length, firstKey };
    [lines, firstKey] = [[], undefined];
    return page;
  };
  return {
    add(entry, endsRange) {
      firstKey ??= entry.key;
      lines.push(encodePageEntry(entry));
      return lines.length >= PAGE_ENTRIES_MAX || endsRange ? end() : undefined;
    },
    end,
  };
}
