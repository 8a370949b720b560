// When a mapping does what: pure, from what is known of it and the time to the next step. Times are those of the
// monotonic clock: whatever is done to the machine's time puts nothing off, and brings nothing forward.
//
// A person's edit goes before a look round, but a steady stream of edits does not put looks off for good: after each
// round over some keys a look that is due has its turn.

import type { DurationMs, MonotonicMs } from "../../core/clock.ts";

/** Why all keys are looked at. */
export type FullReason =
  | "start"
  | "asked"
  | "resumed"
  | "retry"
  | "again"
  | "watch"
  | "rescan"
  | "poll"
  | "removal"
  | "feed";

export interface ScheduleState {
  /** When the last look at all keys that came to an end began; undefined: there was none. */
  readonly lookedAt: MonotonicMs | undefined;
  /** Undefined: the remote is not polled. */
  readonly pollEveryMs: DurationMs | undefined;
  /** When keys that the remote's change feed told are to be looked at; undefined: there are none. */
  readonly remoteAt?: MonotonicMs | undefined;
  /** When all are, since the feed cannot tell which of them changed; undefined: it can. */
  readonly remoteLostAt?: MonotonicMs | undefined;
  /** The remote is not polled before: it may go on telling of itself. */
  readonly pollFrom?: MonotonicMs | undefined;
  /** Undefined: the folder is not rescanned. */
  readonly rescanEveryMs: DurationMs | undefined;
  /** When the last round left something that is to be looked at again; undefined: it did not. */
  readonly againAt: MonotonicMs | undefined;
  /** When the first of what is gone has been so for long enough to be removed; undefined: nothing waits for that. */
  readonly removeAt: MonotonicMs | undefined;
  /** The mapping is in error, and is not to be tried before this moment. */
  readonly retryAt: MonotonicMs | undefined;
  /** A person, or a program for one, asked for a look. */
  readonly asked: boolean;
  /** A person asked that nothing be done. */
  readonly paused: boolean;
  /** It was paused, and has not been looked at since. */
  readonly resumed: boolean;
  /** The watcher cannot tell where something may have changed. */
  readonly lost: boolean;
  /** When the dirty keys are to be looked at; undefined: there are none. */
  readonly dirtyAt: MonotonicMs | undefined;
  /** When the files are to be looked at, to find out which of them changed; undefined: that is not asked for. */
  readonly lookAt: MonotonicMs | undefined;
  /** The mapping is held: what changes can only change its plan, and that takes a look at all keys. */
  readonly held: boolean;
  /** When the last round, of either kind, ended. */
  readonly endedAt: MonotonicMs | undefined;
  /** The last round was one over dirty keys. */
  readonly wasDirty: boolean;
  /** The last round over some keys was over keys that the remote told of. */
  readonly wasRemote?: boolean | undefined;
}

export type NextStep =
  | { readonly kind: "full"; readonly reasons: readonly FullReason[] }
  | { readonly kind: "dirty" }
  | { readonly kind: "changed" }
  | { readonly kind: "look" }
  | { readonly kind: "wait"; readonly until: MonotonicMs };

/** A held mapping whose files keep changing is planned anew no more often than this. */
export const HELD_ROUND_MS = 10_000;
/** How much longer than a look at the files the rest after it is: looks have at most a fifth of the time. */
const LOOK_REST = 4;
/** A wait is never longer, so that a poll interval that became shorter is noticed: fewer mappings share the budget. */
export const WAIT_MS_MAX = 3_600_000;

export function nextStep(state: ScheduleState, now: MonotonicMs): NextStep {
  if (state.paused) return waitUntil([], now);
  if (state.asked) return { kind: "full", reasons: ["asked"] };
  if (state.resumed) return { kind: "full", reasons: ["resumed"] };
  const { retryAt, lookedAt } = state;
  if (retryAt !== undefined) {
    return retryAt <= now ? { kind: "full", reasons: ["retry"] } : waitUntil([retryAt], now);
  }
  if (lookedAt === undefined) return { kind: "full", reasons: ["start"] };
  const dues = fullDues(state, lookedAt, now);
  const reasons = dues.filter(([, at]) => at <= now).map(([reason]) => reason);
  // A look at everything is one at the files as well. Any other has the dirty keys of this look among its own.
  const { lookAt } = state;
  if (lookAt !== undefined && lookAt <= now && reasons.length === 0) return { kind: "look" };
  const dirtyAt = state.held ? undefined : state.dirtyAt;
  const remoteAt = state.held ? undefined : state.remoteAt;
  const isDirty = dirtyAt !== undefined && dirtyAt <= now;
  const isChanged = remoteAt !== undefined && remoteAt <= now;
  if ((isDirty || isChanged) && !(state.wasDirty && reasons.length > 0))
    return { kind: isChanged && !(isDirty && state.wasRemote === true) ? "changed" : "dirty" };
  if (reasons.length > 0) return { kind: "full", reasons };
  const others = [dirtyAt, lookAt, remoteAt].flatMap((at) => (at === undefined ? [] : [at]));
  return waitUntil([...dues.map(([, at]) => at), ...others], now);
}

/** When the next look at the files may begin, after one that took so long. */
export function restedAfterLook(began: MonotonicMs, ended: MonotonicMs): MonotonicMs {
  return after(ended, LOOK_REST * (ended - began));
}

function fullDues(state: ScheduleState, lookedAt: MonotonicMs, now: MonotonicMs): [FullReason, MonotonicMs][] {
  const dues: [FullReason, MonotonicMs][] = [];
  const { pollEveryMs, pollFrom, remoteLostAt } = state;
  if (pollEveryMs !== undefined) {
    const pollAt = after(lookedAt, pollEveryMs);
    dues.push(["poll", pollFrom === undefined || pollFrom < pollAt ? pollAt : pollFrom]);
  }
  if (state.rescanEveryMs !== undefined) dues.push(["rescan", after(lookedAt, state.rescanEveryMs)]);
  if (state.againAt !== undefined) dues.push(["again", state.againAt]);
  if (state.removeAt !== undefined) dues.push(["removal", state.removeAt]);
  const heldRoundAt = after(state.endedAt ?? lookedAt, HELD_ROUND_MS);
  if (remoteLostAt !== undefined) dues.push(["feed", state.held ? heldRoundAt : remoteLostAt]);
  else if (state.held && state.remoteAt !== undefined) dues.push(["feed", heldRoundAt]);
  if (state.lost) dues.push(["watch", state.held ? heldRoundAt : now]);
  else if (state.held && state.dirtyAt !== undefined) dues.push(["watch", heldRoundAt]);
  return dues;
}

function waitUntil(times: readonly MonotonicMs[], now: MonotonicMs): NextStep {
  return { kind: "wait", until: Math.min(now + WAIT_MS_MAX, ...times) as MonotonicMs };
}

function after(start: MonotonicMs, interval: DurationMs): MonotonicMs {
  return (start + interval) as MonotonicMs;
}
