// One-time links, by which a person who may ask the daemon's control socket logs in with a browser.

import type { Clock, DurationMs, MonotonicMs } from "../../core/clock.ts";
import { hashToken, isSameHash, isToken, newToken } from "./page-token.ts";

export interface LoginLinks {
  /** A new token, which is good once and for {@link LINK_VALID_MS}. */
  create(): string;
  /** Uses `token` up. `address`: whose attempt it is. "too-many": it is not good, and neither were the ones before it. */
  redeem(token: string, address: string): "good" | "refused" | "too-many";
}

export const LINK_VALID_MS: DurationMs = 10 * 60_000;
/** The oldest goes when there is another one. */
const LINKS_MAX = 20;

/** A token is not guessed at any rate. This is to tell whoever tries to stop; a token that is good is taken all the same, so that nobody
 * can keep a person out. */
const FAILURES_MAX = 10;
const FAILURES_WINDOW_MS: DurationMs = 60_000;
const ADDRESSES_MAX = 1000;

interface Link {
  readonly hash: Buffer;
  readonly until: MonotonicMs;
}

export function openLoginLinks(clock: Pick<Clock, "monotonic">): LoginLinks {
  let links: readonly Link[] = [];
  const failures = new Map<string, { readonly until: number; count: number }>();

  function fail(address: string): "refused" | "too-many" {
    const now = clock.monotonic();
    let known = failures.get(address);
    if (known === undefined || known.until <= now) {
      failures.delete(address);
      if (failures.size >= ADDRESSES_MAX) failures.delete(failures.keys().next().value!);
      known = { until: now + FAILURES_WINDOW_MS, count: 0 };
      failures.set(address, known);
    }
    return ++known.count > FAILURES_MAX ? "too-many" : "refused";
  }

  return {
    create() {
      const token = newToken();
      const until = (clock.monotonic() + LINK_VALID_MS) as MonotonicMs;
      links = [...links, { hash: hashToken(token), until }].slice(-LINKS_MAX);
      return token;
    },
    redeem(token, address) {
      if (!isToken(token)) return fail(address);
      const hash = hashToken(token);
      const now = clock.monotonic();
      links = links.filter(({ until }) => until > now);
      // Each is compared, whichever it is.
      const left = links.filter((link) => !isSameHash(link.hash, hash));
      if (left.length === links.length) return fail(address);
      links = left;
      return "good";
    },
  };
}
