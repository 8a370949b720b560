// What rounds have removed from a side lately. A guard that judged each round by itself would let an accident pass in pieces: a slow
// `rm -r` is a round a second, each of which removes a few keys. So what the last ten minutes removed counts with what a plan would remove.
//
// Keys that come and go are no accident. One that was there for less than an hour counts only as far as the side has fewer keys
// than before: where each key lives for long, a quarter of them is not replaced within ten minutes.

import type { DurationMs, EpochMs } from "./clock.ts";
import type { BaseRow } from "./entry.ts";
import { decodePrevious } from "./previous-version.ts";

export const RECENT_MS: DurationMs = 600_000;
const LASTING_MS: DurationMs = 3_600_000;

/** Removals from one side of a pair within the last {@link RECENT_MS}, up to which no person let a plan pass. */
export interface RecentRemovals {
  readonly removed: number;
  /** Those of them whose keys had been there for an hour or more. */
  readonly lasting: number;
  /** The most keys that both sides had agreed on and that the side had when one of these rounds began. */
  readonly knownMax: number;
}

export const NO_REMOVALS: RecentRemovals = { removed: 0, lasting: 0, knownMax: 0 };

/** How many of `recent` count with what a plan would remove from the side, which has `known` of the keys that both sides agreed on. */
export function countedRemovals({ removed, lasting, knownMax }: RecentRemovals, known: number): number {
  return Math.max(lasting, Math.min(removed, knownMax - known));
}

/** Whether the key of `base` has been there for an hour or more. */
export function isLasting(base: BaseRow, now: EpochMs): boolean {
  return now - firstAgreedAt(base) >= LASTING_MS;
}

/** When the key came to be on both sides; 0: that is not known any more, it was long ago. */
function firstAgreedAt({ previous, agreedAt }: BaseRow): number {
  if (previous === undefined) return agreedAt;
  const absent = decodePrevious(previous).find(([fingerprint]) => fingerprint === null);
  return absent?.[3] ?? 0;
}
