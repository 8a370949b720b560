// The sides of a round over the keys that the remote has told of: those that its change feed named. The remote is asked for them, a
// hundred a request, with value, metadata and expiration; what it answers serves to decide, and to carry the keys over.

import type { ByteCount } from "../core/clock.ts";
import { baseEntry, type BaseRow, type Entry, type Tombstone } from "../core/entry.ts";
import { assert } from "../core/errors.ts";
import { compareUtf8, type Key } from "../core/key.ts";
import type { ListOptions, Pages, ReadableReplica } from "../replica/replica.ts";
import type { SeenOutcomes } from "../replica/with-seen.ts";
import { believeMisstamped, type BelieveDeps } from "./lag/believe.ts";
import type { RemoteMemory } from "./lag/remote-memory.ts";
import type { MergeInput } from "./merge.ts";
import { onePage, transferOptions } from "./observer.ts";
import type { BaseStore } from "./ports.ts";

interface PulledSides {
  readonly source: ReadableReplica;
  readonly destination: ReadableReplica;
  readonly base: BaseStore;
}

interface PulledOptions extends ListOptions, Omit<BelieveDeps, "memory"> {
  readonly memory: RemoteMemory;
  /** Is given what the source says of the keys. */
  readonly answers: SeenOutcomes;
}

/** The rest is read again when it is carried over. */
const ANSWERS_BYTES_MAX: ByteCount = 16_000_000;

/** Of a round whose source is the remote. */
export async function pulledSides(
  only: readonly Key[],
  { source, destination, base }: PulledSides,
  options: PulledOptions,
): Promise<MergeInput> {
  assert(destination.lookup !== undefined, "a round over keys of the remote has a destination that can look keys up");
  const keys = [...new Set(only)].sort(compareUtf8);
  const known = base.lookup(keys);
  const found = await fetchSource(keys, known, source, options);
  const bases: Pages<BaseRow | Tombstone> = onePage(known);
  const listed = await destination.lookup(keys, options);
  return { source: onePage(keys.flatMap((key) => found.get(key) ?? [])), destination: onePage(listed), base: bases };
}

/** What the source holds now. A key that cannot be read is told as unknown: nothing follows. */
async function fetchSource(
  keys: readonly Key[],
  known: readonly (BaseRow | Tombstone)[],
  source: ReadableReplica,
  options: PulledOptions,
): Promise<ReadonlyMap<Key, Entry>> {
  assert(source.fetch !== undefined, "a round over keys of the remote has a source that can be asked for keys");
  const { signal, onProblem, onUnknown, answers } = options;
  const memory = options.memory.shownAt("source");
  const expected = new Map(known.flatMap((row) => ("gone" in row ? [] : [[row.key, baseEntry(row)!] as const])));
  const found = new Map<Key, Entry>();
  let bytes = 0;
  for await (const outcomes of source.fetch(keys, { ...transferOptions({ signal, inBackground: true }), expected })) {
    memory.see(outcomes.flatMap(({ alsoShown = [] }) => alsoShown));
    for (const read of outcomes) {
      const outcome = believeMisstamped(read, { ...options, memory });
      const { key } = outcome;
      if (outcome.kind === "problem") {
        onProblem(outcome.problem);
        onUnknown?.({ key });
        continue;
      }
      if (outcome.kind === "value") {
        found.set(key, outcome.value.entry);
        bytes += outcome.value.bytes.byteLength;
      }
      if (outcome.kind === "absent" || bytes <= ANSWERS_BYTES_MAX) answers.set(key, outcome);
    }
  }
  return found;
}
