// That an API does not answer, told while it is tried again: once when it begins and once when it is over, not for each
// request. Without it a command would be silent for the half minute in which it tries.

import type { StoreRetry } from "../../backup/store/store.ts";
import type { Clock, DurationMs, MonotonicMs } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import { openAccountTroubles } from "../../kv/account-trouble.ts";
import type { Output } from "./output.ts";
import type { AnswerEvent, RetryEvent } from "../../kv/request-loop.ts";

export interface OutageTeller {
  /** A request of the account is to be sent again. */
  retried(account: string, event: Pick<RetryEvent, "outage" | "host">): void;
  /** A request of the account was answered, with whatever status, or was not. */
  answered(account: string, event: Pick<AnswerEvent, "status">): void;
}

/** `tell` gets lines for people. */
const TOLD_AGAIN_MS: DurationMs = 30_000;

/** The same of object storage: what is tried again is told at first, and each half minute; with -v, each time. */
export function openRetryTeller(clock: Clock, output: Pick<Output, "warn" | "detail">): (event: StoreRetry) => void {
  let toldAt: MonotonicMs | undefined;
  return ({ error, waitMs }) => {
    const now = clock.monotonic();
    const line = `${visible(error.message)}; trying again in ${renderDuration(waitMs)}`;
    if (toldAt !== undefined && now - toldAt < TOLD_AGAIN_MS) return output.detail(line);
    toldAt = now;
    output.warn(line);
  };
}

export function openOutageTeller(clock: Clock, tell: (line: string) => void): OutageTeller {
  const troubles = openAccountTroubles(clock);
  const hosts = new Map<string, string>();
  return {
    retried: (account, { outage, host }) => {
      hosts.set(account, host);
      if (troubles.retried(account, outage)) tell(`${visible(outage)}; trying again`);
    },
    answered: (account, event) => {
      if (troubles.answered(account, event) !== undefined) tell(`${hosts.get(account)} answers again`);
    },
  };
}
