// How far apart the steps of a scrub are, which reads all values of a namespace slowly, a bulk get at a time. Pure.

import type { DurationMs } from "./clock.ts";
import { BULK_GET_KEYS_MAX } from "./limits.ts";

/** Every value is read once in so long: 100,000 keys take a request in ten minutes, and the reads of a month cost a fifth
 * of a dollar (0.50 dollars a million: docs, /kv/platform/pricing). */
const PERIOD_MS: DurationMs = 7 * 86_400_000;
/** A hundred million keys would take one in half a second; nothing is read more often than this. */
const INTERVAL_MS_MIN: DurationMs = 5000;
/** A few keys are read once an hour, rather than all at once in a week. */
const INTERVAL_MS_MAX: DurationMs = 3_600_000;

/** The time between two steps over `keys` keys. */
export function scrubIntervalMs(keys: number): DurationMs {
  const steps = Math.max(1, Math.ceil(keys / BULK_GET_KEYS_MAX));
  return Math.min(INTERVAL_MS_MAX, Math.max(INTERVAL_MS_MIN, PERIOD_MS / steps));
}
