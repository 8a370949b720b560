// All pairs of files in wrangler's form, read once and put into a table. Such a file has no end line and no digest: an array
// that was cut off ends in the middle, and is refused for that; a value that was changed cannot be told from another one,
// unless the pair has a sha256.

import { countedKeys } from "../../../core/guards.ts";
import { hash } from "node:crypto";
import { statSync } from "node:fs";
import { isUtf8 } from "node:buffer";
import { AppError, visible } from "../../../core/errors.ts";
import type { Key } from "../../../core/key.ts";
import { type Problem, problem } from "../../../core/problem.ts";
import { decodePair } from "../../../kv/decode-pair.ts";
import { type InputItem, readItems } from "../../../kv/json-items.ts";
import { readPairsObject } from "../../../kv/pairs-object.ts";
import type { ArchiveAllowances } from "../check-archive.ts";
import { readChunks } from "../read-chunks.ts";
import { refused } from "../refusals.ts";
import type { PairFile } from "./pair-files.ts";
import type { PairRow, PairTable, Repeated } from "./pair-table.ts";

export interface ScannedPairs {
  /** What is told of files that are taken as they are, a line each. */
  readonly warnings: readonly string[];
  /** What was left out of them, if they are salvaged. */
  readonly problems: readonly Problem[];
  /** Keys that are there without a value: whether their place has them cannot be told. */
  readonly absent: readonly Key[];
}

/** `label`: of all files together. Throws AppError "archive-refused" for what is not taken, and as node:fs does. */
export async function scanPairs(
  files: readonly PairFile[],
  label: string,
  table: PairTable,
  allowed: ArchiveAllowances,
  signal?: AbortSignal,
): Promise<ScannedPairs> {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const absent: Key[] = [];
  const units = new Map<number, string>();
  for (const [index, file] of files.entries()) {
    const scan: FileScan = { file, index, table, allowed, problems, warnings, absent, units };
    try {
      await scanFile(scan, signal);
    } catch (error) {
      if (error instanceof AppError && error.code === "usage") throw refused(error.message, error.hint ?? SALVAGE);
      throw error;
    }
  }
  table.sort();
  const placeOf = ({ file, number }: Repeated["places"][number]): string =>
    `${units.get(file) ?? "item"} ${number}${files.length > 1 ? ` of ${files[file]!.name}` : ""}`;
  const repeated = table.repeated(allowed.salvage ? PROBLEMS_MAX : NAMED_MAX);
  if (repeated.length > 0 && !allowed.salvage) throw repeatedRefusal(label, repeated, placeOf);
  for (const { key, places } of repeated)
    problems.push(problem("unreadable", key, `is there twice: what ${placeOf(places[1]!)} says is left out`));
  return { warnings, problems, absent };
}

const SALVAGE = "to take the pairs that are whole, add --salvage";
const NAMED_MAX = 10;
/** Of a file that is salvaged, so many are named. */
const PROBLEMS_MAX = 10_000;

interface FileScan {
  readonly file: PairFile;
  readonly index: number;
  readonly table: PairTable;
  readonly allowed: ArchiveAllowances;
  readonly problems: Problem[];
  readonly warnings: string[];
  readonly absent: Key[];
  readonly units: Map<number, string>;
}

async function scanFile(scan: FileScan, signal: AbortSignal | undefined): Promise<void> {
  const { file, allowed, index, table, problems, warnings, absent, units } = scan;
  const name = visible(file.name);
  // A list of no pairs has its brackets: what has nothing was cut off before its first byte.
  if (statSync(file.path).size === 0 && !allowed.salvage)
    throw refused(`${name} is empty`, "nothing was written to it: make it anew; a list of no pairs is []");
  const read = await readPairsObject(readChunks(file.path), name);
  const isObject = "pairs" in read;
  const pages = isObject
    ? onePage(read.pairs)
    : readItems(read, name, {
        form: "json",
        mayBeCut: false,
        ...(allowed.salvage && {
          onCut: (where: string) => problems.push(problem("unreadable", file.name, `${where}: what followed is lost`)),
        }),
      });
  const ignored = new Map<string, number>();
  for await (const items of pages) {
    signal?.throwIfAborted();
    units.set(index, items[0]?.unit ?? "item");
    const rows: PairRow[] = [];
    for (const item of items) {
      const row = rowOf(scan, item, isObject, ignored);
      if (row !== undefined) rows.push(row);
    }
    table.add(rows);
  }
  for (const [property, times] of ignored)
    warnings.push(`${name}: the property "${visible(property)}" of ${times} pairs means nothing to KV and is left out`);
  if (!isObject || read.absent.length === 0) return;
  for (const key of read.absent) absent.push(key as Key);
  warnings.push(
    `${name}: ${countedKeys(read.absent.length)} with no value (null) ${read.absent.length === 1 ? "is" : "are"} left out`,
  );
}

/** How many names of properties are told. */
const IGNORED_MAX = 20;

/** Undefined: it is no pair, which was told. */
function rowOf(
  { file, index, allowed, problems }: FileScan,
  item: InputItem,
  isObject: boolean,
  ignored: Map<string, number>,
): PairRow | undefined {
  // Decoding spoils a large one.
  const kept = isObject ? Buffer.from(item.bytes) : undefined;
  const pair = decodePair(item.bytes, {
    mayBeEdited: allowed.edited,
    anyExpiration: true,
    onIgnored: (property) => {
      if (ignored.has(property) || ignored.size < IGNORED_MAX) ignored.set(property, (ignored.get(property) ?? 0) + 1);
    },
  });
  if ("fault" in pair) {
    const place = `${item.unit} ${item.number}`;
    const named = pair.key === undefined ? place : `${place} ("${visible(pair.key.slice(0, 80))}")`;
    if (!allowed.salvage) throw refused(`${named} of ${visible(file.name)} ${pair.fault}`, pair.hint);
    if (problems.length < PROBLEMS_MAX)
      problems.push(problem("unreadable", pair.key ?? place, `is left out: ${place} ${pair.fault}`));
    return undefined;
  }
  const { key, bytes, metadata, expiration, ttlSeconds } = pair;
  return {
    key,
    sha256: hash("sha256", bytes, "hex"),
    size: bytes.byteLength,
    isText: isUtf8(bytes),
    metadata,
    expiration: ttlSeconds === undefined ? expiration : undefined,
    ttlSeconds,
    place: {
      file: index,
      number: item.number,
      at: item.at,
      length: item.bytes.byteLength,
      item: kept,
    },
  };
}

function repeatedRefusal(
  name: string,
  repeated: readonly Repeated[],
  placeOf: (place: Repeated["places"][number]) => string,
): AppError {
  const [first] = repeated;
  const places = first!.places.map(placeOf).join(" and ");
  const others = repeated.slice(1).map(({ key }) => `"${visible(key)}"`);
  const more = others.length === 0 ? "" : `; likewise ${others.join(", ")}`;
  return refused(
    `${visible(name)} has the key "${visible(first!.key)}" twice, in ${places}${more}`,
    "leave one of each in the file. To take the first of each, add --salvage; to write all in turn, so that the last one stays, type: kvsync bulk put FILE",
  );
}

async function* onePage<T>(page: T): AsyncGenerator<T, void> {
  yield page;
}
