// The course of one call that keeps failing: whether to try again, and when. No I/O; the loop waits.

import { backoffMs, type BackoffOptions } from "../core/backoff.ts";
import type { DurationMs } from "../core/clock.ts";

export interface RetryOptions extends BackoffOptions {
  /** Times a call is sent before it fails, rate limits not counted. */
  readonly attempts: number;
}

/** Half a minute on average until a call fails, and one in 10,000 if every third request does. */
export const RETRY_DEFAULT: RetryOptions = { attempts: 8, baseMs: 500, capMs: 30_000 };

/** Rate limits are waited out for two windows of the API's (docs: a block lasts five minutes); then the call fails. */
const RATE_PATIENCE_MS = 600_000;
const RATE_BACKOFF: BackoffOptions = { baseMs: 1000, capMs: 60_000 };

/** A failure that another attempt may mend. */
export interface PassingFailure {
  readonly error: { readonly timedOut?: boolean };
  /** What the server asked for; undefined: it did not say. */
  readonly afterMs: DurationMs | undefined;
  /** Undefined: it was no limit on requests. */
  readonly limited?: string;
}

export interface RetryCourse {
  /** How often the call has failed so far. */
  readonly failures: number;
  /** How long to wait before the next attempt; undefined: there is none. `random` is in [0, 1). */
  next(failure: PassingFailure, random: number): DurationMs | undefined;
}

/** `retryTimeouts` false: a timeout is final, since the caller would rather send less. */
export function openRetryCourse(options: RetryOptions, retryTimeouts: boolean): RetryCourse {
  let failures = 0;
  let limits = 0;
  let limitedMs = 0;
  return {
    get failures() {
      return failures + limits;
    },
    next: (failure, random) => {
      if (failure.limited !== undefined) {
        limits++;
        const wait = limitWaitMs(limits, failure.afterMs, random);
        limitedMs += wait;
        return limitedMs > RATE_PATIENCE_MS ? undefined : wait;
      }
      failures++;
      if (failures >= options.attempts || (failure.error.timedOut === true && !retryTimeouts)) return undefined;
      const wait = Math.max(backoffMs(failures - 1, options, random), failure.afterMs ?? 0);
      return wait > RATE_PATIENCE_MS ? undefined : wait;
    },
  };
}

/** How long to wait after the `limits`-th refusal in a row. Nothing is gained by coming back early, so at least half of
 * the backoff; a server that keeps asking for less than it needs is believed three times. */
function limitWaitMs(limits: number, afterMs: DurationMs | undefined, random: number): DurationMs {
  const steadyMs = (retry: number): DurationMs => backoffMs(retry, RATE_BACKOFF, 0.5 + random / 2);
  if (afterMs === undefined) return steadyMs(limits - 1);
  return limits <= 3 ? afterMs : Math.max(afterMs, steadyMs(limits - 4));
}
