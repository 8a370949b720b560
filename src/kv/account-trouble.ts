// Whether an account's API answers: a request that has to be sent again may be the first of an outage, and a round would not
// tell for half a minute, in which it tries again. An account is in trouble from a request that failed until the next good
// answer, to whatever request.

import type { Clock, DurationMs, EpochMs, MonotonicMs } from "../core/clock.ts";
import type { AnswerEvent } from "./request-loop.ts";

export interface AccountTrouble {
  /** What failed, in lower case, for people. */
  readonly reason: string;
  readonly since: EpochMs;
  readonly forMs: DurationMs;
}

export interface AccountTroubles {
  /** A request of the account is to be sent again. True: its trouble begins now, and is worth telling of. */
  retried(account: string, reason: string): boolean;
  /** Returns how long the trouble lasted that this answer ends; undefined: there was none that was told of. */
  answered(account: string, event: Pick<AnswerEvent, "status">): DurationMs | undefined;
  get(account: string): AccountTrouble | undefined;
  /** The account is connected anew. */
  forget(account: string): void;
}

interface Trouble {
  readonly reason: string;
  readonly since: EpochMs;
  readonly began: MonotonicMs;
  readonly isTold: boolean;
}

/** An API that fails now and then, and answers in between, is told of no more often. */
const TOLD_INTERVAL_MS: DurationMs = 60_000;
/** Not the API's trouble: the account sent too much, and waits. */
const TOO_MANY_REQUESTS = 429;

export function openAccountTroubles(clock: Clock): AccountTroubles {
  const troubles = new Map<string, Trouble>();
  const toldAt = new Map<string, MonotonicMs>();
  const limited = new Set<string>();
  return {
    retried: (account, reason) => {
      if (limited.has(account)) return false;
      const before = troubles.get(account);
      if (before !== undefined) {
        troubles.set(account, { ...before, reason });
        return false;
      }
      const began = clock.monotonic();
      const last = toldAt.get(account);
      const isTold = last === undefined || began - last >= TOLD_INTERVAL_MS;
      if (isTold) toldAt.set(account, began);
      troubles.set(account, { reason, since: clock.now(), began, isTold });
      return isTold;
    },
    answered: (account, { status }) => {
      if (status === TOO_MANY_REQUESTS) limited.add(account);
      else limited.delete(account);
      if (status < 200 || status >= 500) return undefined;
      const trouble = troubles.get(account);
      troubles.delete(account);
      return trouble?.isTold === true ? Math.round(clock.monotonic() - trouble.began) : undefined;
    },
    get: (account) => {
      const trouble = troubles.get(account);
      if (trouble === undefined) return undefined;
      const { reason, since, began } = trouble;
      return { reason, since, forMs: Math.round(clock.monotonic() - began) };
    },
    forget: (account) => {
      troubles.delete(account);
      limited.delete(account);
    },
  };
}
