// What a round that was broken off had under way. Where the side that a version was going to shows that very version, it
// arrived: both sides agreed on it [I4], whatever has become of the other side since. Without this an edit that a person
// made upon it would look like one of two changes of the same key, a conflict with oneself.

import { compareVersions } from "../core/compare.ts";
import type { EpochMs } from "../core/clock.ts";
import type { BaseRow, Entry } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import type { Intent, NewBaseRow } from "../journal/ports.ts";
import type { Triple } from "./merge.ts";

export interface Arrived {
  readonly triples: readonly Triple[];
  /** What the base is to be told. */
  readonly rows: readonly NewBaseRow[];
}

/** `triples` as observed: fingerprints that matter are known. `now`: the round's. */
export function findArrived(triples: readonly Triple[], intents: ReadonlyMap<Key, Intent>, now: EpochMs): Arrived {
  if (intents.size === 0) return { triples, rows: [] };
  const rows: NewBaseRow[] = [];
  const found = triples.map((triple) => {
    const intent = intents.get(triple.key);
    const shown = intent === undefined ? undefined : triple[intent.to];
    if (shown === undefined || !isArrived(shown, intent!.entry, triple.base)) return triple;
    const row = rowOf(shown, now);
    rows.push(row);
    return { ...triple, base: { ...row, previous: triple.previous } };
  });
  return { triples: found, rows };
}

function isArrived(shown: Entry, intended: Entry, base: BaseRow | undefined): boolean {
  if (compareVersions(shown, intended) !== "same" || shown.fingerprint === undefined || shown.size === undefined)
    return false;
  return base === undefined || compareVersions(shown, base) !== "same";
}

function rowOf({ key, fingerprint, metadata, expiration, size, signature }: Entry, now: EpochMs): NewBaseRow {
  return { key, fingerprint: fingerprint!, metadata, expiration, size: size!, signature, hashedAt: now };
}
