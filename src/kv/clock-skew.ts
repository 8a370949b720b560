// This machine's clock against that of an API, which dates each of its answers. Expirations are told in seconds of the day: whoever decides
// by a clock that is wrong what has expired decides wrongly.

import type { DurationMs, EpochMs } from "../core/clock.ts";
import { renderDuration } from "../core/units.ts";

/** Expirations must lie 60 seconds ahead; a Date header is a second coarse. */
export const SKEW_FAIL_MS: DurationMs = 30_000;

/** How far the API's clock is ahead of ours. `date`: the header of an answer that came just now. Undefined: it tells no time. */
export function skewOf(date: string | undefined, now: EpochMs): DurationMs | undefined {
  const theirs = Date.parse(date ?? "");
  // It is cut to whole seconds.
  return Number.isNaN(theirs) ? undefined : theirs + 500 - now;
}

/** `this machine's clock is 1d ahead of that of account prod` */
export function renderSkew(skewMs: DurationMs, account: string): string {
  const direction = skewMs > 0 ? "behind" : "ahead of";
  return `this machine's clock is ${renderDuration(Math.abs(skewMs))} ${direction} that of account ${account}`;
}

export const SKEW_HINT = "set the clock, with NTP: timedatectl set-ntp true";
