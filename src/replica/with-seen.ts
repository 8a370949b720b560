// A side with the answers that it has just given kept for the rest of a round, so that what was fetched to decide about keys is not
// asked for a second time to carry it over.

import type { Entry } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import {
  isWrittenInPlace,
  type Pages,
  type ReadableReplica,
  type ReadOutcome,
  type Replica,
  type TransferOptions,
} from "./replica.ts";

/** What a side has said of keys: that it has no such key, or a value. */
export type SeenOutcomes = Map<Key, Exclude<ReadOutcome, { readonly kind: "problem" }>>;

/** `inner`, which is asked only for what is not in `seen` yet. That is filled by whoever fetches from it. */
export function withSeen(inner: Replica, seen: SeenOutcomes): Replica;
export function withSeen(inner: ReadableReplica, seen: SeenOutcomes): ReadableReplica;
export function withSeen(inner: ReadableReplica, seen: SeenOutcomes): ReadableReplica {
  const { kind, label, lookup, fetch } = inner;
  const readable = {
    kind,
    label,
    lookup: lookup && ((keys, options) => lookup(keys, options)),
    fetch: fetch && ((keys, options) => fetch(keys, options)),
    list: (options) => inner.list(options),
    read: (entries, options) => readUnseen(inner, entries, options, seen),
    close: () => inner.close(),
  } satisfies Omit<ReadableReplica, "traits">;
  if (!isWrittenInPlace(inner)) return { ...readable, traits: inner.traits };
  const { keepConflictCopy } = inner;
  const writable: Replica = {
    ...readable,
    traits: inner.traits,
    write: (writes, options) => inner.write(writes, options),
    remove: (entries, options) => inner.remove(entries, options),
    keepConflictCopy: keepConflictCopy && ((value) => keepConflictCopy(value)),
  };
  return writable;
}

async function* readUnseen(
  inner: ReadableReplica,
  entries: Pages<Entry>,
  options: TransferOptions | undefined,
  seen: SeenOutcomes,
): Pages<ReadOutcome> {
  const known: ReadOutcome[] = [];
  const unseen = async function* (): Pages<Entry> {
    for await (const page of entries) {
      const rest = page.filter((entry) => {
        const outcome = seen.get(entry.key);
        if (outcome === undefined || !isAsked(entry, outcome)) return true;
        known.push(outcome);
        return false;
      });
      if (rest.length > 0) yield rest;
    }
  };
  for await (const outcomes of inner.read(unseen(), options)) {
    if (known.length > 0) yield known.splice(0);
    yield outcomes;
  }
  if (known.length > 0) yield known;
}

/** Whether this is what a read of `entry` may find: any version, unless the entry says which it is to be. */
function isAsked({ fingerprint }: Entry, outcome: ReadOutcome): boolean {
  return fingerprint === undefined || (outcome.kind === "value" && outcome.value.entry.fingerprint === fingerprint);
}
