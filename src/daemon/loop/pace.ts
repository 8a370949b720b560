// How soon the next of many small rounds may begin: at once after a quiet time, and in steps where they never cease, so that a key that
// is written many times a second does not use up the budget of requests.

import type { Clock, DurationMs, MonotonicMs } from "../../core/clock.ts";

export interface Pace {
  nextAt(): MonotonicMs;
  /** One begins. */
  spend(): void;
}

/** Rounds that may follow each other at once. */
const BURST = 10;
/** One more with each of these: 150 requests in the five minutes in which the API allows 1,200. */
const REFILL_MS: DurationMs = 2000;

export function openPace(clock: Clock): Pace {
  /** When the allowance will be full again, if nothing is spent. */
  let fullAt = clock.monotonic();
  return {
    nextAt: () => (fullAt - (BURST - 1) * REFILL_MS) as MonotonicMs,
    spend: () => {
      fullAt = (Math.max(fullAt, clock.monotonic()) + REFILL_MS) as MonotonicMs;
    },
  };
}
