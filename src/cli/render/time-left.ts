// How long a phase of a command still takes. Two things decide: the pace of the work while nothing holds it up, and the
// request budgets of the accounts, from what is in their windows now and how many requests a key has taken so far.

import type { Clock, DurationMs, MonotonicMs } from "../../core/clock.ts";
import type { KvClient } from "../../kv/kv-client.ts";

export interface ProgressState {
  /** What is done now: `comparing`, `writing`. A new one starts the rate anew. */
  readonly phase: string;
  readonly done: number;
  /** Undefined: not known, so there is neither bar nor end in sight. */
  readonly total: number | undefined;
  /** What is counted; `keys` unless given. */
  readonly unit?: string;
  readonly bytes?: number;
  /** That were sent so far. */
  readonly requests?: number | undefined;
}

/** An account in use: what it has sent, and what it may send. */
export type Traffic = Pick<KvClient, "counts" | "budget">;

export interface Outlook {
  /** So many a second, from the start of the phase, waits included; undefined: too early to say. */
  readonly rate: number | undefined;
  /** Until the request budget lets the next request through; 0: it does not hold anything up. */
  readonly heldMs: DurationMs;
  /** Until the phase is done; undefined: nobody knows. */
  readonly leftMs: DurationMs | undefined;
}

export interface TimeLeft {
  update(state: ProgressState): void;
  /** To be called several times a second: between two calls in which the budget held nothing up, the pace is the work's. */
  read(): Outlook;
}

/** Under this the rate says more about the start than about what is to come. */
const RATE_AFTER_MS = 500;
/** In between, the time left counts down. */
const RECKON_MS = 1000;

interface Moment {
  readonly at: MonotonicMs;
  readonly done: number;
  readonly sent: ReadonlyMap<Traffic, number>;
}

export function openTimeLeft(clock: Clock, traffics: () => readonly Traffic[]): TimeLeft {
  let state: ProgressState | undefined;
  let start = moment(0);
  let latest = start;
  let sampled: { readonly at: MonotonicMs; readonly done: number; readonly isHeld: boolean } = {
    ...start,
    isHeld: false,
  };
  let free = { ms: 0, done: 0 };
  let reckoned: { readonly at: MonotonicMs; readonly end: number | undefined } | undefined;

  function moment(done: number): Moment {
    const sent = new Map(traffics().map((traffic) => [traffic, traffic.counts().total]));
    return { at: clock.monotonic(), done, sent };
  }

  function sample(heldMs: DurationMs): void {
    const at = clock.monotonic();
    const { done } = latest;
    const isHeld = heldMs > 0;
    if (!isHeld && !sampled.isHeld) free = { ms: free.ms + at - sampled.at, done: free.done + done - sampled.done };
    sampled = { at, done, isHeld };
  }

  function reckon({ total }: ProgressState): DurationMs | undefined {
    const done = latest.done - start.done;
    if (total === undefined || done <= 0) return undefined;
    const left = total - latest.done;
    if (left <= 0) return undefined;
    const msPerOne = free.done > 0 ? free.ms / free.done : 0;
    const byBudgets = traffics().map((traffic) => {
      const { budget } = traffic;
      const { inFlight } = budget.status();
      const sent = traffic.counts().total - (start.sent.get(traffic) ?? 0);
      const each = Math.max(0, sent - inFlight) / done;
      return each === 0 ? 0 : budget.outlook(Math.ceil(left * each - inFlight), msPerOne / each);
    });
    const leftMs = Math.max(left * msPerOne, ...byBudgets);
    return leftMs > 0 ? leftMs : undefined;
  }

  return {
    update: (next) => {
      if (next.phase !== state?.phase) {
        // What is done first in a phase was begun when the phase before it ended.
        start = next.done >= latest.done && next.total === state?.total ? latest : { ...latest, done: 0 };
        sampled = { ...start, isHeld: false };
        free = { ms: 0, done: 0 };
        reckoned = undefined;
      }
      state = next;
      latest = moment(next.done);
    },
    read: () => {
      const heldMs = Math.max(0, ...traffics().map(({ budget }) => budget.heldMs()));
      if (state === undefined) return { rate: undefined, heldMs, leftMs: undefined };
      sample(heldMs);
      const now = clock.monotonic();
      const elapsed = now - start.at;
      if (elapsed < RATE_AFTER_MS) return { rate: undefined, heldMs, leftMs: undefined };
      if (reckoned === undefined || now - reckoned.at >= RECKON_MS) {
        const leftMs = reckon(state);
        reckoned = { at: now, end: leftMs === undefined ? undefined : now + leftMs };
      }
      const leftMs = reckoned.end === undefined ? undefined : Math.max(0, reckoned.end - now);
      return { rate: ((latest.done - start.done) * 1000) / elapsed, heldMs, leftMs };
    },
  };
}
