// Pairs in wrangler's form as a replica: a JSON array, or a line of JSON for each, or what `wrangler kv bulk get` prints. Their
// keys are in any order, so all of them are put into a table first, and each value is read again where it lies in the file. A
// value that is another one by then is not handed out.

import { hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import type { Entry } from "../../../core/entry.ts";
import { parseFingerprint } from "../../../core/fingerprint.ts";
import { decodePair } from "../../../kv/decode-pair.ts";
import { ownBytes, PAGE_BYTES, pageBytesOf } from "../large-values.ts";
import type { ListOptions, Pages, ReadableReplica, ReadOutcome, TransferOptions } from "../../replica.ts";
import type { ArchiveOptions, OpenArchive } from "../archive-replica.ts";
import { changedMeanwhile } from "../refusals.ts";
import { headerKind } from "../frame-lines.ts";
import { parseLine } from "../entry-line.ts";
import { findPairFiles, openPlaceReader, type PairFile, type PlaceReader } from "./pair-files.ts";
import { openPairTable, type PairRow, type PairTable } from "./pair-table.ts";
import { scanPairs, type ScannedPairs } from "./scan-pairs.ts";

const PAGE_ENTRIES = 1000;

interface Side extends ArchiveOptions {
  readonly files: readonly PairFile[];
  readonly table: PairTable;
  readonly scanned: ScannedPairs;
}

/** Throws AppError "archive-refused", and as node:fs does. */
export async function openPairs(options: ArchiveOptions): Promise<OpenArchive> {
  const { label, signal, allowed } = options;
  const files = findPairFiles(options.path, label);
  const table = openPairTable();
  const reader = openPlaceReader(files);
  try {
    const scanned = await scanPairs(files, label, table, allowed, signal);
    const side: Side = { ...options, files, table, scanned };
    const replica: ReadableReplica = {
      kind: "archive",
      label,
      traits: { eventuallyConsistent: false, readsCostRequests: false, readOrder: "any", writing: "never" },
      list: (given) => listEntries(side, given),
      lookup: undefined,
      fetch: undefined,
      read: (entries, given) => readEntries(side, reader, entries, given),
      close: async () => {
        reader.close();
        table.close();
      },
    };
    return { replica, warnings: scanned.warnings, path: files[0]!.path, filter: { mayLackKeys: true } };
  } catch (error) {
    table.close();
    throw error;
  }
}

/** Whether the file is pairs rather than an archive with a first line of its own: by its first bytes, and where these may be of
 * either, by its name. */
export function isPairFile(path: string, label: string): boolean {
  if (/\.ndjson(?:\.zst|\.gz)?$/.test(label)) return false;
  const first = findPairFiles(path, label)[0]!;
  if (first.name !== label) return true;
  const head = Buffer.alloc(HEAD_BYTES);
  const fd = openSync(first.path, "r");
  const size = readSync(fd, head, 0, HEAD_BYTES, 0);
  closeSync(fd);
  const text = head
    .subarray(0, size)
    .toString("latin1")
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart();
  if (text.startsWith("[")) return true;
  return label.endsWith(".json") && headerKind(parseLine(Buffer.from(text.split("\n", 1)[0]!, "latin1"))) === "none";
}

/** A header is shorter. */
const HEAD_BYTES = 65_536;

async function* listEntries(
  { table, scanned, signal: whole }: Side,
  { signal, onProblem, onUnknown }: ListOptions,
): Pages<Entry> {
  for (const found of scanned.problems) onProblem(found);
  for (const key of scanned.absent) if (table.find(key) === undefined) onUnknown?.({ key });
  for (const rows of table.pages(PAGE_ENTRIES)) {
    signal?.throwIfAborted();
    whole?.throwIfAborted();
    yield rows.map(entryOf);
  }
}

function entryOf({ key, sha256, size, isText, metadata, expiration, ttlSeconds }: PairRow): Entry {
  return {
    key,
    fingerprint: parseFingerprint(Buffer.from(sha256, "hex").toString("base64url", 0, 16)),
    metadata,
    expiration,
    ttlSeconds,
    size,
    signature: undefined,
    binary: !isText,
  };
}

async function* readEntries(
  side: Side,
  reader: PlaceReader,
  entries: Pages<Entry>,
  { signal, reusesBytes = false }: TransferOptions = {},
): Pages<ReadOutcome> {
  for await (const wanted of entries) {
    signal?.throwIfAborted();
    let page: ReadOutcome[] = [];
    let pageBytes = 0;
    for (const { key } of wanted) {
      const row = side.table.find(key);
      if (row === undefined) {
        page.push({ kind: "absent", key });
        continue;
      }
      const found = readValue(side, reader, row);
      const bytes = reusesBytes ? found : ownBytes(found);
      page.push({ kind: "value", key, value: { entry: entryOf(row), bytes, readAt: side.clock.now() } });
      pageBytes += pageBytesOf(found);
      if (page.length < PAGE_ENTRIES && pageBytes < PAGE_BYTES) continue;
      yield page;
      [page, pageBytes] = [[], 0];
    }
    if (page.length > 0) yield page;
  }
}

/** Throws AppError "io" if it is not the value that was listed. */
function readValue({ files }: Side, reader: PlaceReader, { sha256, place }: PairRow): Uint8Array {
  const { file, at, length, item = reader.read(file, at, length) } = place;
  const pair = decodePair(item, { mayBeEdited: true, anyExpiration: true });
  if ("fault" in pair || hash("sha256", pair.bytes, "hex") !== sha256) throw changedMeanwhile(files[file]!.name);
  return pair.bytes;
}
