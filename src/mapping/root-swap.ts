// A folder that is replaced while a round looks at it, or is missing for the moment that a swap takes: that is no failure yet.
// The round begins anew, soon, and a few times.

import { backoffMs, type BackoffOptions } from "../core/backoff.ts";
import type { DurationMs } from "../core/clock.ts";
import type { AppError } from "../core/errors.ts";
import type { RootSwaps } from "../config/config.ts";

/** A folder is swapped within a moment; what is still going on after seconds is told. */
const LOOKS_MAX = 10;
const LOOKS: BackoffOptions = { baseMs: 50, capMs: 1000 };
/** A folder that is removed and made anew is missing for less than two seconds, unless it is built meanwhile. */
const MISSING_LOOKS_MAX = 6;

/** When a round that failed with `error` begins anew, after so many attempts; undefined: it has failed. Only where a folder may be
 * swapped is one that is missing waited for. */
export function lookAgainIn(
  error: AppError,
  { looks, rootSwaps }: { readonly looks: number; readonly rootSwaps: RootSwaps },
): DurationMs | undefined {
  if (error.code !== "root-missing") return undefined;
  const isGone = (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
  const looksMax = error.retryable ? LOOKS_MAX : isGone && rootSwaps === "allow" ? MISSING_LOOKS_MAX : 0;
  return looks < looksMax ? backoffMs(looks, LOOKS, 1) : undefined;
}
