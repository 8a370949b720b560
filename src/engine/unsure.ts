// Writes and removals whose answer was lost, or told of a failure that leaves open whether they were carried out; and those that
// were not sent, since the remote turned out to hold something else than its listing says. Two-way sync does not carry them
// out as they were decided: somebody may have written the key. The round looks the key up, and decides it anew (round.ts).

import type { Key } from "../core/key.ts";
import type { Problem } from "../core/problem.ts";
import type { Done } from "./plan/action.ts";
import type { Triple } from "./merge.ts";

export interface Unsure {
  /** What it is if it was carried out after all. */
  readonly done: Done;
  /** What it is if it stays unknown. */
  readonly problem: Problem;
  /** It is counted as a conflict already. */
  readonly isConflict: boolean;
}

/** Some 20 MB; the rest is left to the next round. */
export const UNSURE_MAX = 50_000;

/** Looked up key by key, a hundred a request; if more are unsure, both sides are listed. */
export const LOOKED_UP_MAX = 1000;

/** Looks in a row that confirmed nothing, until what is unsure is left to the next round: about half a minute. */
export const LOOKUPS_IN_VAIN_MAX = 8;

/** Of one look: the keys that it is about, and what was unsure of each. */
export type UnsureKeys = ReadonlyMap<Key, Unsure>;

/** Whether the remote is without a key that it was asked to remove: that is what became of the removal, however fresh the
 * key is, and no listing that lags. */
export function isRemoved({ key, destination }: Triple, again: UnsureKeys): boolean {
  const done = again.get(key)?.done;
  return destination === undefined && done?.kind === "removed" && done.to === "destination";
}
