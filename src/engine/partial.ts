// The sides of a round that looks at a few keys only: those that a watcher saw change. One look at each file, no listing.

import { baseEntry, type BaseRow, type Entry, type Tombstone } from "../core/entry.ts";
import { assert } from "../core/errors.ts";
import { compareUtf8, type Key } from "../core/key.ts";
import type { BaseStore } from "../journal/ports.ts";
import type { ListOptions, Pages, Replica } from "../replica/replica.ts";
import type { MergeInput } from "./merge.ts";
import { onePage, transferOptions } from "./observer.ts";

export interface PartialSides {
  readonly source: Replica;
  readonly destination: Replica;
  readonly base: BaseStore;
  readonly decide: { readonly twoWay: boolean };
}

/** The destination is shown as the base says it is, and a round over all keys finds out what else it may be. Where that
 * could destroy what nobody has seen it is read first: a key that the base does not know, and in two-way sync every key. */
export async function partialSides(
  only: readonly Key[],
  sides: PartialSides,
  options: ListOptions,
): Promise<MergeInput> {
  assert(sides.source.lookup !== undefined, "a partial round has a source that can look keys up");
  const keys = [...new Set(only)].sort(compareUtf8);
  const rows = sides.base.lookup(keys);
  const destination = new Map<Key, Entry>();
  for (const row of rows) if (!("gone" in row)) destination.set(row.key, baseEntry(row)!);
  const source = await sides.source.lookup(keys, options);
  const held = new Set(source.map((entry) => entry.key));
  const unseen = keys.filter((key) =>
    destination.has(key) ? sides.decide.twoWay : held.has(key) || sides.decide.twoWay,
  );
  await readUnseen(unseen, sides.destination, destination, options);
  const entries = keys.flatMap((key) => destination.get(key) ?? []);
  const base: Pages<BaseRow | Tombstone> = onePage(rows);
  return { source: onePage(source), destination: onePage(entries), base };
}

/** Puts into `entries` what `side` holds now; a key that cannot be read is told as unknown. */
async function readUnseen(
  keys: readonly Key[],
  side: Replica,
  entries: Map<Key, Entry>,
  { signal, onProblem, onUnknown }: ListOptions,
): Promise<void> {
  if (keys.length === 0) return;
  const asked = keys.map((key) => ({ ...UNKNOWN, ...entries.get(key), key, fingerprint: undefined }));
  for await (const outcomes of side.read(onePage(asked), transferOptions({ signal }))) {
    for (const outcome of outcomes) {
      if (outcome.kind === "value") entries.set(outcome.key, outcome.value.entry);
      else entries.delete(outcome.key);
      if (outcome.kind !== "problem") continue;
      onProblem(outcome.problem);
      onUnknown?.({ key: outcome.key });
    }
  }
}

const UNKNOWN: Omit<Entry, "key"> = {
  fingerprint: undefined,
  metadata: undefined,
  expiration: undefined,
  ttlSeconds: undefined,
  size: undefined,
  signature: undefined,
  binary: undefined,
};
