// The pages of the snapshot before, beside a new one: what it had under a key, asked for in key order, and the page that most
// likely shares its bytes with one of the new pages. A page that cannot be read is taken for none: the new snapshot is made all the same.

import { compareUtf8, type Key } from "../../core/key.ts";
import { decodePage } from "../page/page-lines.ts";
import { fingerprintOfSha256 } from "../../core/fingerprint.ts";
import type { ItemId, ItemReader, PageEntry, Snapshot } from "../repository/repository.ts";
import { isDamage } from "./snapshot-pages.ts";

export interface ParentPages {
  /** What the parent has under `key`; a promise if a page has to be read for it. Keys are asked for in ascending order, and the next one
   * once this is known. */
  find(key: Key): PageEntry | undefined | Promise<PageEntry | undefined>;
  /** The page that a new one that begins with `firstKey` is likely to be like; undefined: there is none. */
  pageLike(firstKey: Key): Promise<{ readonly sha256: string; readonly bytes: Uint8Array } | undefined>;
}

const NO_PARENT: ParentPages = { find: () => undefined, pageLike: async () => undefined };

/** How many pages stay in memory, about 100 KB each: the listing is that far ahead of the values that are read. */
const KEPT_MAX = 32;

interface Passed {
  readonly firstKey: Key;
  readonly id: string;
}

interface ReadPage {
  readonly bytes: Uint8Array;
  readonly entries: readonly PageEntry[];
}

/** `onDamage` is told the page that cannot be read. Throws what the store fails with. */
export function openParentPages(
  parent: Pick<Snapshot, "pages"> | undefined,
  reader: ItemReader,
  onDamage: (id: ItemId) => void,
): ParentPages {
  if (parent === undefined) return NO_PARENT;
  const { pages } = parent;
  /** Of the pages that were read so far, in order. */
  const passed: Passed[] = [];
  const kept = new Map<string, ReadPage>();
  let next = 0;
  let current: readonly PageEntry[] = [];
  /** The first entry of `current` that is not before the key that was asked for last. */
  let at = 0;

  const read = async (id: string): Promise<ReadPage | undefined> => {
    const known = kept.get(id);
    if (known !== undefined) return known;
    try {
      const bytes = await reader.page(id);
      const page = { bytes, entries: decodePage(bytes) };
      kept.set(id, page);
      if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value!);
      return page;
    } catch (error) {
      if (!isDamage(error)) throw error;
      onDamage(fingerprintOfSha256(id));
      return undefined;
    }
  };
  const advance = async (): Promise<void> => {
    const { id } = pages[next++]!;
    const page = await read(id);
    const first = page?.entries[0];
    if (page === undefined || first === undefined) return;
    passed.push({ firstKey: first.key, id });
    current = page.entries;
    at = 0;
  };
  const seek = (key: Key): PageEntry | undefined => {
    for (; at < current.length; at++) {
      const order = compareUtf8(current[at]!.key, key);
      if (order >= 0) return order === 0 ? current[at] : undefined;
    }
    return undefined;
  };
  const isPassed = (): boolean => at >= current.length && next < pages.length;
  const seekOn = async (key: Key): Promise<PageEntry | undefined> => {
    let found: PageEntry | undefined;
    while (isPassed()) {
      await advance();
      found = seek(key);
    }
    return found;
  };
  return {
    find(key) {
      const found = seek(key);
      return isPassed() ? seekOn(key) : found;
    },
    async pageLike(firstKey) {
      const like = passed.findLast((page) => compareUtf8(page.firstKey, firstKey) <= 0) ?? passed[0];
      const page = like && (await read(like.id));
      return page && { sha256: like.id, bytes: page.bytes };
    },
  };
}
