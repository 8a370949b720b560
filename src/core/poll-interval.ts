// How far apart polls must be so that looking for changes leaves most of the request budget to carrying them over.
// Pure: what each look costs and what the budget allows in, a factor out.

import type { DurationMs } from "./clock.ts";

/** One namespace that is polled: how often it is asked to be, and the requests that one look takes. */
export interface PollDemand {
  readonly intervalMs: DurationMs;
  readonly requests: number;
}

export interface PollAllowance {
  /** Requests in each window that kvsync may spend on everything; Infinity: no limit. */
  readonly requests: number;
  readonly windowMs: DurationMs;
  /** The part of them that polling may take, in (0, 1]. */
  readonly share: number;
}

/** Half of the budget: an edit never waits for more than a poll or two, and a poll of 100,000 keys (100 requests) still
 * comes round every minute with the default budget. */
export const POLL_SHARE_DEFAULT = 0.5;

/** How many times longer than asked for the intervals of all polls of one account must be, at least 1, so that together
 * they take no more than their share. All are stretched alike: none starves. */
export function pollStretch(demands: readonly PollDemand[], allowance: PollAllowance): number {
  const wanted = demands.reduce((sum, { intervalMs, requests }) => sum + requests / intervalMs, 0);
  const allowed = (allowance.requests * allowance.share) / allowance.windowMs;
  return Math.max(1, wanted / allowed);
}
