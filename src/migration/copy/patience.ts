// What fails for a while and passes: the network, limits, a server that is out of order. The client's own retries last half a minute, or ten
// for a limit; a migration runs for hours, and waits longer before it gives up.

import { backoffMs, type BackoffOptions } from "../../core/backoff.ts";
import type { Clock, DurationMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";

export interface PatienceDeps {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether the work may be done anew now. */
  readonly mayRetry: () => boolean;
  readonly onRetry: (error: AppError, waitMs: DurationMs) => void;
}

const WAIT: BackoffOptions = { baseMs: 2000, capMs: 60_000 };
/** Failures in a row, none of them after work that lasted: about a quarter of an hour, and that of the client's own retries. */
const FAILURES_MAX = 20;
/** Work that lasted this long has come forward. */
const LASTED_MS: DurationMs = 120_000;

/** The outcome of `work`, which is done anew while it fails in a way that may pass. */
export async function withPatience<T>(
  { clock, signal, mayRetry, onRetry }: PatienceDeps,
  work: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    const startedAt = clock.monotonic();
    try {
      return await work();
    } catch (error) {
      if (clock.monotonic() - startedAt > LASTED_MS) failures = 1;
      const mayPass = error instanceof AppError && error.retryable && !LASTING.has(error.code);
      if (!mayPass || !mayRetry() || signal.aborted || failures >= FAILURES_MAX) throw error;
      const waitMs = backoffMs(failures - 1, WAIT, clock.random());
      onRetry(error, waitMs);
      await clock.sleep(waitMs, signal);
    }
  }
}

/** A quota comes back tomorrow, --no-wait is a wish, and a full disk waits for a person. */
const LASTING: ReadonlySet<string> = new Set(["quota-exhausted", "budget-exhausted", "disk-full", "locked"]);
