// What becomes of a message after a try to deliver it. Pure. It is tried again for hours, with full jitter; what the receiver refuses is not; and
// what is given up is told anew if it lasts.

import { backoffMs } from "../core/backoff.ts";
import type { DurationMs, EpochMs } from "../core/clock.ts";
import type { Delivery, OutgoingNotice } from "./delivery-types.ts";
import type { Told } from "./news.ts";
import type { Undelivered } from "./notice-status.ts";

/** A message that is on its way. */
export interface Waiting extends OutgoingNotice {
  /** What it tells. Of messages that an earlier version of kvsync made only `begun` is known. */
  readonly begun: Told["begun"];
  readonly ended?: Told["ended"];
  readonly happened?: Told["happened"];
  readonly madeAt: EpochMs;
  readonly attempts: number;
}

export interface AfterTry {
  /** Null: it has arrived, or is not tried again. */
  readonly waiting: Waiting | null;
  readonly undelivered: Undelivered | null;
  /** Undefined: it is not tried again. */
  readonly retryInMs: DurationMs | undefined;
  /** It took too long. */
  readonly isGivenUp: boolean;
}

const RETRY = { baseMs: 5000, capMs: 600_000 };
/** A receiver that has just failed is not asked again at once, whatever chance says. */
const RETRY_MS_MIN: DurationMs = 1000;
/** What a receiver may ask for, at the most. */
const RETRY_AFTER_MS_MAX: DurationMs = 3_600_000;
const GIVE_UP_MS: DurationMs = 12 * 3_600_000;

/** `before`: why the messages before did not arrive; `random` is in [0, 1). */
export function afterTry(
  notice: Waiting,
  outcome: Delivery,
  { before, now, random }: { readonly before: Undelivered | null; readonly now: EpochMs; readonly random: number },
): AfterTry {
  if (outcome.kind === "delivered") return { waiting: null, undelivered: null, retryInMs: undefined, isGivenUp: false };
  const { reason, hint = null } = outcome;
  const since = before?.since ?? now;
  // A time that is yet to come was written by a clock that was wrong.
  const isGivenUp = outcome.kind === "failed" && Math.abs(now - notice.madeAt) >= GIVE_UP_MS;
  if (outcome.kind === "refused" || isGivenUp)
    return {
      waiting: null,
      undelivered: { since, reason, hint, isTriedAgain: false },
      retryInMs: undefined,
      isGivenUp,
    };
  const backoff = RETRY_MS_MIN + backoffMs(notice.attempts, RETRY, random);
  return {
    waiting: { ...notice, attempts: notice.attempts + 1 },
    undelivered: { since, reason, hint, isTriedAgain: true },
    retryInMs: Math.max(Math.min(outcome.afterMs ?? 0, RETRY_AFTER_MS_MAX), backoff),
    isGivenUp,
  };
}
