// Whether the time of day was set between two looks. Two looks are as far apart as they are, whatever the time of day says; the other
// clock stands still while the machine is suspended, and begins anew when it starts: then the time of day is all there is.

import type { DurationMs, EpochMs } from "../core/clock.ts";

export interface Look {
  readonly at: EpochMs;
  readonly monotonic: number;
}

/** A clock that drifts is put right by less. */
const JUMP_MS_MIN: DurationMs = 60_000;

/** By how much the time of day was set since `last`; 0: it was not, or that cannot be told. */
export function clockJump(last: Look, now: Look): DurationMs {
  if (now.monotonic < last.monotonic) return 0;
  const jump = now.at - last.at - (now.monotonic - last.monotonic);
  return Math.abs(jump) < JUMP_MS_MIN ? 0 : jump;
}
