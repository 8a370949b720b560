// A walk through an archive from its first byte to its last: each entry in order, what is no entry, and in the end what the
// archive says of itself held against what was found. It decides nothing: who walks says what is refused.

import { createHash } from "node:crypto";
import { AppError, visible } from "../../core/errors.ts";
import { isJsonObject } from "../../core/json.ts";
import type { Json } from "../../core/json-value.ts";
import { sha256Of } from "../../core/fingerprint.ts";
import { compareUtf8, type Key } from "../../core/key.ts";
import { openRootHash } from "../../core/content-root.ts";
import { type ArchiveLine, readArchiveLines } from "./archive-lines.ts";
import { type ArchivedEntry, decodeEntryLine, parseLine } from "./entry-line.ts";
import { type ArchiveEnd, decodeEnd, headerKind, isEnd } from "./frame-lines.ts";

export type ArchiveItem =
  /** `sha256` is of the value as it is; the line may say another one (`isEdited`). */
  | { readonly kind: "entry"; readonly line: number; readonly entry: SealedEntry; readonly isEdited: boolean }
  /** A line that is no entry, or is not in its place. `why`: `is not JSON`. */
  | { readonly kind: "fault"; readonly line: number; readonly key: string | undefined; readonly why: string };

export type SealedEntry = ArchivedEntry & { readonly sha256: string };

export interface WalkResult {
  /** What was left out on purpose when it was written; null: nothing. */
  readonly filter: Json;
  readonly entries: number;
  /** Of all values together. */
  readonly bytes: number;
  readonly root: string;
  /** SHA-256 of every byte before the end line, or of all lines if there is none. */
  readonly digest: string;
  /** What the last line says; undefined: the archive was cut off, or its last line is damaged. */
  readonly end: ArchiveEnd | undefined;
  /** Why the walk ended before the archive did: `ends in the middle of line 7`. */
  readonly cut: string | undefined;
  /** The line in which something follows the end. */
  readonly after: number | undefined;
  /** That line is empty. */
  readonly isBlankAfter: boolean;
  /** Lines end as on Windows, which no archive does that is as it was written. */
  readonly hasCarriageReturns: boolean;
}

/** Throws AppError "archive-refused" for what is no archive of a version that is known, and as node:fs does. `name`: for
 * messages. A very large value is good until the next item is asked for. */
export async function* walkArchive(path: string, name: string): AsyncGenerator<ArchiveItem, WalkResult> {
  const digest = createHash("sha256");
  const root = openRootHash();
  let [entries, bytes] = [0, 0];
  let before: Key | undefined;
  let end: ArchiveEnd | undefined;
  let cut: string | undefined;
  let after: number | undefined;
  let isBlankAfter = false;
  let hasCarriageReturns = false;
  let header: { readonly filter: Json } | undefined;
  for await (const line of readArchiveLines(path)) {
    hasCarriageReturns ||= line.bytes.at(-1) === CARRIAGE_RETURN;
    if (header === undefined) {
      header = parseHeader(line, name);
      updateDigest(digest, line);
      continue;
    }
    if (end !== undefined) {
      if (line.fault?.kind === "cut") cut = "ends in the middle of its compressed form";
      else [after, isBlankAfter] = [line.number, line.bytes.every((byte) => byte === CARRIAGE_RETURN)];
      break;
    }
    end = line.isWhole && mayBeEnd(line.bytes) ? decodeEndLine(line.bytes) : undefined;
    if (end !== undefined) continue;
    if (!line.isWhole) {
      cut = cutOf(line);
      break;
    }
    updateDigest(digest, line);
    const entry = decodeEntryLine(line.bytes);
    const { number } = line;
    if ("fault" in entry) {
      yield { kind: "fault", line: number, key: entry.key, why: entry.fault };
      continue;
    }
    const order = before === undefined ? 1 : compareUtf8(entry.key, before);
    if (order <= 0) {
      const why = order === 0 ? "has the key of the line before again" : "is not in the order of keys";
      yield { kind: "fault", line: number, key: entry.key, why };
      continue;
    }
    before = entry.key;
    const sha256 = sha256Of(entry.bytes);
    const isEdited = entry.sha256 !== undefined && entry.sha256 !== sha256;
    const sealed = { ...entry, sha256 };
    entries++;
    bytes += entry.bytes.byteLength;
    root.add({ ...sealed, size: entry.bytes.byteLength });
    yield { kind: "entry", line: number, entry: sealed, isEdited };
  }
  if (header === undefined) throw emptyFile(name);
  const found = { entries, bytes, root: root.digest(), digest: digest.digest("hex") };
  return { ...header, ...found, end, cut, after, isBlankAfter, hasCarriageReturns };
}

const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = Buffer.from("\uFEFF");

/** An entry is not parsed twice. */
function mayBeEnd(line: Buffer): boolean {
  return line.byteLength < END_BYTES_MAX && line.includes('"kvsync"');
}

const END_BYTES_MAX = 4096;

function decodeEndLine(line: Buffer): ArchiveEnd | undefined {
  const json = parseLine(line);
  return isEnd(json) ? decodeEnd(json) : undefined;
}

function updateDigest(digest: ReturnType<typeof createHash>, { bytes, isWhole }: ArchiveLine): void {
  digest.update(bytes);
  if (isWhole) digest.update("\n");
}

function cutOf({ number, fault }: ArchiveLine): string {
  if (fault?.kind === "damaged")
    return fault.at === 0 ? `is damaged in line ${number}` : `is damaged in line ${number} (near byte ${fault.at})`;
  return `ends in the middle of line ${number}`;
}

function parseHeader({ bytes, isWhole, fault }: ArchiveLine, name: string): { readonly filter: Json } {
  if (fault !== undefined) {
    throw new AppError("archive-refused", `${visible(name)} is damaged at its beginning: no line of it can be read`, {
      hint: "fetch the file again, or take an older one",
    });
  }
  if (bytes.subarray(0, BYTE_ORDER_MARK.byteLength).equals(BYTE_ORDER_MARK)) {
    throw new AppError(
      "archive-refused",
      `${visible(name)} begins with a byte order mark, which kvsync does not write`,
      {
        hint: "some program has changed the file: fetch it again",
      },
    );
  }
  const json = isWhole ? parseLine(bytes) : undefined;
  const kind = headerKind(json);
  if (kind === "none") throw noArchive(name);
  if (kind === "other") {
    throw new AppError("archive-refused", `${visible(name)} is an archive of another version of kvsync`, {
      hint: "import it with a newer kvsync",
    });
  }
  return { filter: (isJsonObject(json) ? json["filter"] : undefined) ?? null };
}

function emptyFile(name: string): AppError {
  return new AppError("archive-refused", `${visible(name)} is empty`, {
    hint: "if a command was to write it, see what that says: it may have failed",
  });
}

function noArchive(name: string): AppError {
  return new AppError("archive-refused", `${visible(name)} is no archive: its first line is not that of one`, {
    hint: "kvsync export makes archives; pairs in wrangler's form are written with: kvsync bulk put FILE",
  });
}
