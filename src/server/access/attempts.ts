// Guessing of tokens is slowed. Who guesses is known by an address, and several people may share one: so a client with a valid token is
// never kept waiting because of others where that can be told.
//
// After ten wrong tokens in ten minutes an address is refused unheard (429) for a while that doubles with each further one, from a quarter of a
// second to ten seconds: one guess in ten seconds, however many connections it uses. An address that others with a valid token ask from
// (within the last hour), and this machine itself, where a reverse proxy runs, is always heard; there, a wrong token is answered late, by as much.
// The same wrong token once more is no guess: it is that of a program whose token has expired, all of whose requests bring it.

import { hash } from "node:crypto";
import type { Clock, DurationMs } from "../../core/clock.ts";
import { isLoopback } from "../../core/loopback.ts";

export interface Attempts {
  /** How long `address` is not to be heard; 0: it is. */
  refusedFor(address: string): DurationMs;
  /** Whether this wrong token is the one that `address` has tried last. */
  isRepeated(address: string, token: string): boolean;
  /** Another wrong token: how late that is to be answered; "too-many": so many wait already that it is to be refused at once. */
  failed(address: string): DurationMs | "too-many";
  accepted(address: string): void;
}

interface Failures {
  count: number;
  lastAt: number;
  refusedUntil: number;
}

export const FREE_FAILURES = 10;
const FORGOTTEN_MS = 600_000;
const DELAY_MIN_MS = 250;
const DELAY_MAX_MS = 10_000;
const SHARED_MS = 3_600_000;
/** Of each map. An address takes about 200 bytes. */
const ADDRESSES_MAX = 10_000;
/** Answers that wait, of all addresses: each holds a connection. */
const WAITING_MAX = 100;

/** `onSlowed`: an address has passed {@link FREE_FAILURES}. */
export function openAttempts(clock: Clock, onSlowed: (address: string) => void): Attempts {
  const failures = new Map<string, Failures>();
  const acceptedAt = new Map<string, number>();
  /** Of the last wrong token of each address, its hash. */
  const tried = new Map<string, string>();
  let waiting: number[] = [];

  function isShared(address: string): boolean {
    if (isLoopback(address)) return true;
    const at = acceptedAt.get(address);
    return at !== undefined && clock.monotonic() - at < SHARED_MS;
  }

  return {
    refusedFor(address) {
      const known = failures.get(address);
      if (known === undefined || isShared(address)) return 0;
      return Math.max(0, known.refusedUntil - clock.monotonic());
    },
    isRepeated(address, token) {
      const hashed = hash("sha256", token);
      const isSame = tried.get(address) === hashed;
      remember(tried, address, hashed);
      return isSame;
    },
    failed(address) {
      const now = clock.monotonic();
      const before = failures.get(address);
      const count = (before === undefined || now - before.lastAt >= FORGOTTEN_MS ? 0 : before.count) + 1;
      const delay =
        count <= FREE_FAILURES ? 0 : Math.min(DELAY_MAX_MS, DELAY_MIN_MS * 2 ** (count - FREE_FAILURES - 1));
      remember(failures, address, { count, lastAt: now, refusedUntil: now + delay });
      if (count === FREE_FAILURES + 1) onSlowed(address);
      if (delay === 0 || !isShared(address)) return 0;
      waiting = waiting.filter((until) => until > now);
      if (waiting.length >= WAITING_MAX) return "too-many";
      waiting.push(now + delay);
      return delay;
    },
    accepted: (address) => remember(acceptedAt, address, clock.monotonic()),
  };
}

/** The addresses that were not heard of for the longest time go first. */
function remember<T>(map: Map<string, T>, address: string, value: T): void {
  map.delete(address);
  map.set(address, value);
  if (map.size <= ADDRESSES_MAX) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
