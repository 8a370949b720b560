// What a loop remembers of its rounds, and what becomes of that when a round ends or fails: plain data in, plain data and events
// out. When the next round is due follows from it in schedule.ts. Times are those of the monotonic clock, but for what is shown.

import { backoffMs, type BackoffOptions } from "../../core/backoff.ts";
import type { DurationMs, EpochMs, MonotonicMs } from "../../core/clock.ts";
import type { AppError } from "../../core/errors.ts";
import type { Hold } from "../../journal/holds.ts";
import type { RoundReport } from "../../mapping/round-port.ts";
import type { MappingEvent } from "../daemon-event.ts";
import type { ScheduleState } from "./schedule.ts";

export interface Failure {
  readonly error: AppError;
  /** When the first of these failures in a row happened. */
  readonly since: EpochMs;
  /** When it is tried again. */
  readonly dueAt: MonotonicMs;
  /** Failures of this kind in a row before this one. */
  readonly repeats: number;
}

export interface LoopState {
  /** The last full round that came to an end, in a hold or not. */
  readonly fullRound: RoundReport | undefined;
  /** When that round began. */
  readonly lookedAt: MonotonicMs | undefined;
  readonly lastRound: RoundReport | undefined;
  readonly hold: Hold | undefined;
  readonly failure: Failure | undefined;
  /** When what the last full round left is looked at again; undefined: it left nothing. */
  readonly againAt: MonotonicMs | undefined;
  /** When the first of what is gone is to be removed; undefined: nothing waits. */
  readonly removeAt: MonotonicMs | undefined;
  /** Rounds in a row, of either kind, that left keys which may do better later. */
  readonly again: number;
  /** When the dirty paths are looked at. It means nothing while there are none, so only {@link scheduleOf} reads it. */
  readonly dirtyAt: MonotonicMs;
  readonly endedAt: MonotonicMs | undefined;
  readonly wasDirty: boolean;
  /** The last round over some keys was over keys that the remote told of. */
  readonly wasRemote: boolean;
}

/** The moment in which something happens. */
export interface Moment {
  readonly now: MonotonicMs;
  readonly wall: EpochMs;
  /** In [0, 1), another one at each call. */
  readonly random: () => number;
}

/** The longest wait before the first retry, and before any. */
const RETRY_BACKOFF: BackoffOptions = { baseMs: 2000, capMs: 300_000 };
/** A folder that is missing costs nothing to look for. */
const LOCAL_RETRY_BACKOFF: BackoffOptions = { baseMs: 1000, capMs: 10_000 };
/** Failures of this machine, which cost no request to find again. */
const LOCAL_FAILURES: ReadonlySet<AppError["code"]> = new Set(["root-missing", "io", "disk-full"]);
const RETRY_MS_MIN = 500;
/** Keys that failed and may do better: a file that is written for minutes is looked at again for as long. */
const AGAIN_BACKOFF: BackoffOptions = { baseMs: 1000, capMs: 300_000 };

export function firstState(hold: Hold | undefined, now: MonotonicMs): LoopState {
  return {
    fullRound: undefined,
    lookedAt: undefined,
    lastRound: undefined,
    hold,
    failure: undefined,
    againAt: undefined,
    removeAt: undefined,
    again: 0,
    dirtyAt: now,
    endedAt: undefined,
    wasDirty: false,
    wasRemote: false,
  };
}

/** A path became dirty. */
export function becameDirty(state: LoopState, now: MonotonicMs): LoopState {
  return { ...state, dirtyAt: earlier(state.dirtyAt, now) };
}

/** A round of either kind is over, well or not. */
export function turnEnded(state: LoopState, step: "full" | "dirty", now: MonotonicMs): LoopState {
  return { ...state, endedAt: now, wasDirty: step === "dirty" };
}

export interface EndedRound {
  readonly step: "full" | "dirty";
  readonly report: RoundReport;
  readonly began: MonotonicMs;
  readonly settleWindowMs: DurationMs;
  readonly removeAfterMs: DurationMs;
  /** It was only over files that were to rest, or over a key that a person decides about: other dirty paths are looked at when they are
   * due, and a failure that stands is not over. */
  readonly leavesDirty?: boolean;
  /** It was over keys that the remote told of, which have a time of their own. */
  readonly isOfRemote?: boolean;
}

/** A round ended without an error. `isDirtyAgain`: the caller puts the paths of the round back among the dirty ones, since some of
 * their keys may do better later. */
export function roundEnded(
  before: LoopState,
  round: EndedRound,
  moment: Moment,
): { readonly state: LoopState; readonly events: readonly MappingEvent[]; readonly isDirtyAgain: boolean } {
  const { step, report } = round;
  const { hold } = report;
  const removeAt = removalDue(round, moment);
  // What failed had taken its paths, and is due again: only a round that looks at them shows that it is over.
  const failure = round.leavesDirty === true && !report.isFull ? before.failure : undefined;
  const state: LoopState = { ...before, lastRound: report, failure, hold, removeAt };
  const events: MappingEvent[] = [];
  if (before.failure !== undefined && failure === undefined) events.push({ kind: "recovered" });
  events.push({ kind: "round-ended", step, report });
  if (hold !== undefined && hold.plan !== before.hold?.plan) events.push({ kind: "held", hold });
  if (hold === undefined && before.hold !== undefined) events.push({ kind: "lifted" });
  if (step === "full" || report.isFull)
    return { state: afterFullRound(state, round, moment), events, isDirtyAgain: false };
  if (round.isOfRemote === true) return { state, events, isDirtyAgain: false };
  if (report.transient === 0 && round.leavesDirty === true) return { state, events, isDirtyAgain: false };
  if (report.transient === 0)
    return { state: { ...state, again: 0, dirtyAt: moment.now }, events, isDirtyAgain: false };
  const waitMs = backoffMs(state.again, AGAIN_BACKOFF, moment.random());
  const dirtyAt = (moment.now + waitMs) as MonotonicMs;
  return { state: { ...state, again: state.again + 1, dirtyAt }, events, isDirtyAgain: true };
}

/** What was gone at nearly the same time is removed by one round: within a tenth of the wait, and a minute at the most. */
const REMOVALS_APART_MS_MAX: DurationMs = 60_000;

function removalDue({ report, removeAfterMs }: EndedRound, { now, wall }: Moment): MonotonicMs | undefined {
  const { removesLater } = report;
  if (removesLater === null) return undefined;
  const apartMs = Math.min(REMOVALS_APART_MS_MAX, removeAfterMs / 10);
  return (now + Math.max(0, removesLater.dueAt - wall) + apartMs) as MonotonicMs;
}

function afterFullRound(state: LoopState, { report, began, settleWindowMs }: EndedRound, moment: Moment): LoopState {
  const { transient, result } = report;
  const isAgain = transient > 0;
  const times: number[] = [];
  if (isAgain) times.push(moment.now + backoffMs(state.again, AGAIN_BACKOFF, moment.random()));
  // A listing that lags shows the truth when the window is over.
  if (result.lagging > 0) times.push(began + Math.max(settleWindowMs, AGAIN_BACKOFF.baseMs));
  const againAt = times.length === 0 ? undefined : (Math.min(...times) as MonotonicMs);
  return { ...state, fullRound: report, lookedAt: began, again: isAgain ? state.again + 1 : 0, againAt };
}

/** A round failed as a whole. The wait before the next attempt grows with each failure of the same kind. */
export function roundFailed(
  state: LoopState,
  error: AppError,
  { now, wall, random }: Moment,
): { readonly state: LoopState; readonly event: MappingEvent } {
  const { failure } = state;
  const repeats = failure?.error.code === error.code ? failure.repeats + 1 : 0;
  const backoff = LOCAL_FAILURES.has(error.code) ? LOCAL_RETRY_BACKOFF : RETRY_BACKOFF;
  const retryInMs = Math.max(RETRY_MS_MIN, backoffMs(repeats, backoff, random()));
  const dueAt = (now + retryInMs) as MonotonicMs;
  return {
    state: { ...state, failure: { error, since: failure?.since ?? wall, dueAt, repeats } },
    event: { kind: "failed", error, retryInMs, repeats },
  };
}

/** What the schedule goes by, of what the loop remembers. `restAt`: when a file that is being written may be at rest. */
export function scheduleOf(
  { lookedAt, againAt, removeAt, failure, dirtyAt, hold, endedAt, wasDirty, wasRemote }: LoopState,
  isDirty: boolean,
  restAt: MonotonicMs | undefined,
): Omit<ScheduleState, OfTheMoment> {
  return {
    lookedAt,
    againAt,
    removeAt,
    retryAt: failure?.dueAt,
    dirtyAt: isDirty ? earlier(dirtyAt, restAt ?? dirtyAt) : restAt,
    held: hold !== undefined,
    endedAt,
    wasDirty,
    wasRemote,
  };
}

/** What is not remembered. */
type OfTheMoment =
  | ("pollEveryMs" | "rescanEveryMs" | "asked" | "paused" | "resumed" | "lost" | "lookAt")
  | ("remoteAt" | "remoteLostAt" | "pollFrom");

function earlier(a: MonotonicMs, b: MonotonicMs): MonotonicMs {
  return a < b ? a : b;
}
