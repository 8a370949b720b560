// How long to wait before trying again: exponential, with full jitter, so that clients which failed together do not come
// back together. By hand, since it must take its chance from our Clock.

import type { DurationMs } from "./clock.ts";

export interface BackoffOptions {
  /** The longest wait before the first retry; it doubles with each further one. */
  readonly baseMs: DurationMs;
  /** No wait is longer. */
  readonly capMs: DurationMs;
}

/** A wait between 0 and min(cap, base * 2^retry) milliseconds; `retry` counts from 0, `random` is in [0, 1). */
export function backoffMs(retry: number, options: BackoffOptions, random: number): DurationMs {
  return random * Math.min(options.capMs, options.baseMs * 2 ** retry);
}
