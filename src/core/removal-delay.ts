// When a key that is gone at one side is removed from the other: at once, or only when it has been gone for as long as
// `remove_after` says. Old assets stay where pages still point at them, and a folder that is being built anew is not taken for one
// that lost its files. Pure.

import { type DurationMs, type EpochMs, toEpochSeconds } from "./clock.ts";
import { expiresTooSoon } from "./compare.ts";
import type { BaseRow } from "./entry.ts";

export interface Gone {
  /** When the key was first seen to be gone; undefined: now. */
  readonly since: EpochMs | undefined;
  /** What both sides had agreed on. */
  readonly base: Pick<BaseRow, "expiration"> | undefined;
}

/** Undefined: it is removed now. Else when it will be, unless it comes back. A key whose time had come is not gone, but expired: it
 * waits for nothing. A clock that was set back does not make the wait longer than it is. */
export function removalDueAt(
  { since, base }: Gone,
  { afterMs, now }: { readonly afterMs: DurationMs; readonly now: EpochMs },
): EpochMs | undefined {
  if (afterMs === 0 || expiresTooSoon(base?.expiration, toEpochSeconds(now))) return undefined;
  const dueAt = Math.min(since ?? now, now) + afterMs;
  return dueAt <= now ? undefined : (dueAt as EpochMs);
}
