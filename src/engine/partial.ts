// The sides of a round that looks at a few keys only: those that a watcher saw change. One look at each file, no listing.
//
// [I6] What the round is going to replace or remove at the destination is read first, a hundred keys a request: somebody else
// may have written it since the last look at everything, and then this is the only time that anybody sees it.

import type { ByteCount } from "../core/clock.ts";
import { type Comparison, compareVersions } from "../core/compare.ts";
import { baseEntry, type BaseRow, type Entry, type Tombstone } from "../core/entry.ts";
import { assert } from "../core/errors.ts";
import { compareUtf8, type Key } from "../core/key.ts";
import { staleRead } from "../core/problem.ts";
import type { BaseStore } from "./ports.ts";
import type { ListOptions, Pages, ReadableReplica, Value } from "../replica/replica.ts";
import type { SeenOutcomes } from "../replica/with-seen.ts";
import type { MergeInput } from "./merge.ts";
import { trusted } from "./observe.ts";
import { onePage, transferOptions } from "./observer.ts";
import { type BelieveDeps, believeReadAfter, believeUnstamped, type ReadValue } from "./lag/believe.ts";

interface PartialSides {
  readonly source: ReadableReplica;
  readonly destination: ReadableReplica;
  readonly base: BaseStore;
}

interface PartialOptions extends ListOptions, BelieveDeps {
  /** Is given the values of the destination that were read. */
  readonly seen: SeenValues;
  /** Look at the destination whatever the source is: it is not known what the destination holds. */
  readonly fetchesAll: boolean;
  /** Nobody waits for what the destination says. */
  readonly inBackground?: boolean;
  /** Is given what the destination says of the keys. */
  readonly answers?: SeenOutcomes | undefined;
}

/** Values of the destination, so that one read serves both to decide and to save what is decided against. */
export type SeenValues = Map<Key, Value>;

/** The rest is read again where it has to be saved. */
const SEEN_BYTES_MAX: ByteCount = 16_000_000;

/** The destination is shown as it is where the source is not what the base says, and elsewhere as the base says: nothing
 * follows there, and a look at everything finds out what else it may be. */
export async function partialSides(
  only: readonly Key[],
  { source, destination, base }: PartialSides,
  options: PartialOptions,
): Promise<MergeInput> {
  assert(source.lookup !== undefined, "a partial round has a source that can look keys up");
  const keys = [...new Set(only)].sort(compareUtf8);
  const known = base.lookup(keys);
  const rows = new Map(known.flatMap((row) => ("gone" in row ? [] : [[row.key, row] as const])));
  const untold = new Set<Key>();
  const onUnknown: NonNullable<ListOptions["onUnknown"]> = (unknown) => {
    if ("key" in unknown) untold.add(unknown.key);
    options.onUnknown?.(unknown);
  };
  const listed = await source.lookup(keys, { ...options, onUnknown });
  const entries = new Map(listed.map((entry) => [entry.key, entry]));
  await hashDoubtful(entries, rows, source, options);
  const isUnseen = (key: Key): boolean => comparisonOf(entries.get(key), rows.get(key)) !== "same";
  // Of a key that the source cannot tell of nothing follows, whatever the destination holds.
  const told = keys.filter((key) => !untold.has(key));
  const unseen = options.fetchesAll ? told : told.filter(isUnseen);
  const found = new Map([...rows].map(([key, row]) => [key, baseEntry(row)!]));
  await fetchUnseen(unseen, rows, destination, found, options);
  const bases: Pages<BaseRow | Tombstone> = onePage(known);
  const pageOf = (side: ReadonlyMap<Key, Entry>): Pages<Entry> => onePage(keys.flatMap((key) => side.get(key) ?? []));
  return { source: pageOf(entries), destination: pageOf(found), base: bases };
}

/** What the source holds of a key, against the base. */
function comparisonOf(entry: Entry | undefined, row: BaseRow | undefined): Comparison {
  if (entry === undefined || row === undefined)
    return (entry === undefined) === (row === undefined) ? "same" : "different";
  return compareVersions(trusted(entry, row), row);
}

/** Reads the sources of which only that tells whether they changed: a file that was merely touched, or that a round has
 * just written, is to cost no request. What cannot be read stays in doubt. */
async function hashDoubtful(
  entries: Map<Key, Entry>,
  rows: ReadonlyMap<Key, BaseRow>,
  source: ReadableReplica,
  { signal }: PartialOptions,
): Promise<void> {
  const doubtful = [...entries.values()].filter(
    ({ key }) => comparisonOf(entries.get(key), rows.get(key)) === "unknown",
  );
  if (doubtful.length === 0) return;
  for await (const outcomes of source.read(onePage(doubtful), { ...transferOptions({ signal }), reusesBytes: true })) {
    for (const outcome of outcomes) if (outcome.kind === "value") entries.set(outcome.key, outcome.value.entry);
  }
}

/** Puts into `entries` what `side` holds now; a key that cannot be read, or of which the read shows a mix of two versions, is
 * told as unknown. */
async function fetchUnseen(
  keys: readonly Key[],
  rows: ReadonlyMap<Key, BaseRow>,
  side: ReadableReplica,
  entries: Map<Key, Entry>,
  options: PartialOptions,
): Promise<void> {
  const { onProblem, onUnknown, seen, memory, answers } = options;
  if (keys.length === 0) return;
  assert(side.fetch !== undefined, "a partial round has a destination that can be asked for keys");
  const expected = new Map([...rows.values()].map((row) => [row.key, baseEntry(row)!]));
  let bytes = 0;
  for await (const read of side.fetch(keys, { ...transferOptions(options), expected, onShown: memory.seeOne })) {
    memory.seeAll(read);
    for (const found of read) {
      const outcome = believeUnstamped(found, options);
      if (outcome.kind === "value" && outcome.attributesAreListed === true && isMixed(outcome, options)) {
        entries.delete(outcome.key);
        onProblem(staleRead(outcome.key));
        onUnknown?.({ key: outcome.key });
        continue;
      }
      if (outcome.kind === "value") {
        entries.set(outcome.key, outcome.value.entry);
        bytes += outcome.value.bytes.byteLength;
        if (bytes <= SEEN_BYTES_MAX) {
          seen.set(outcome.key, outcome.value);
          answers?.set(outcome.key, outcome);
        }
        continue;
      }
      entries.delete(outcome.key);
      if (outcome.kind === "absent") answers?.set(outcome.key, outcome);
      if (outcome.kind !== "problem") continue;
      onProblem(outcome.problem);
      onUnknown?.({ key: outcome.key });
    }
  }
}

/** Whether a value that was there before came with attributes that never went with it: those are of another version, which
 * counts as seen; or somebody changed the metadata alone, which is believed when the window is over. */
function isMixed(read: ReadValue, options: PartialOptions): boolean {
  const listed = { ...read.value.entry, fingerprint: undefined, size: undefined };
  return believeReadAfter(listed, read, options.memory.pastOf(read.key), options).kind === "look-again";
}
