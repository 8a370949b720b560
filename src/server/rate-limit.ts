// The API's rate limit: so many requests in a window, for each token; passing it blocks everything for a whole window.

import type { Clock } from "../core/clock.ts";
import type { CheckedPlan } from "./faults.ts";

interface RateVerdict {
  /** Undefined: go on. */
  readonly retryAfterSeconds: number | undefined;
  /** `Ratelimit` and `Ratelimit-Policy`, for every answer. */
  readonly headers: Readonly<Record<string, string>>;
}

export type RateLimit = (credential: string) => RateVerdict;

interface Window {
  endsAt: number;
  used: number;
  blocked: boolean;
}

const unlimited: RateVerdict = { retryAfterSeconds: undefined, headers: {} };

/** Counts one request against the window of a credential, each time it is called. */
export function rateLimit(limit: CheckedPlan["rateLimit"], clock: Clock): RateLimit {
  if (limit === undefined) return () => unlimited;
  const { requests, windowSeconds } = limit;
  const windows = new Map<string, Window>();
  const policy = `"default";q=${requests};w=${windowSeconds}`;
  return (credential) => {
    const now = clock.monotonic();
    let window = windows.get(credential);
    if (window === undefined || now >= window.endsAt) {
      window = { endsAt: now + windowSeconds * 1000, used: 0, blocked: false };
      windows.set(credential, window);
    }
    window.used++;
    if (window.used > requests && !window.blocked) {
      window.blocked = true;
      window.endsAt = now + windowSeconds * 1000;
    }
    const seconds = Math.ceil((window.endsAt - now) / 1000);
    const left = Math.max(0, requests - window.used);
    return {
      retryAfterSeconds: window.blocked ? seconds : undefined,
      headers: { ratelimit: `"default";r=${left};t=${seconds}`, "ratelimit-policy": policy },
    };
  };
}
