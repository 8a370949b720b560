// What a mapping's loop holds while it lives, and what of it is shown to others. What its rounds came to is {@link LoopState}.

import type { DurationMs, EpochMs, MonotonicMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { Pause } from "../../journal/pauses.ts";
import type { ResolveChoice, Resolved } from "../../mapping/conflicts/conflict-lines.ts";
import type { RoundReport } from "../../mapping/round-port.ts";
import type { Watcher } from "../watch/watcher.ts";
import { type DirtyPaths, openDirtyPaths } from "./dirty-paths.ts";
import type { Activity, LoopDeps, LoopView } from "./loop-port.ts";
import { problemCountOf } from "../../mapping/round-status.ts";
import { NO_PROBLEMS } from "../../mapping/standing-problems.ts";
import { RemoteFeed } from "./remote-feed.ts";
import { firstState, type LoopState, type Moment } from "./loop-state.ts";

interface Asker {
  readonly resolve: (report: RoundReport) => void;
  readonly reject: (error: unknown) => void;
}

interface Errand {
  readonly choice: ResolveChoice;
  readonly resolve: (resolved: Resolved) => void;
  readonly reject: (error: unknown) => void;
}

export interface LiveLoop {
  readonly deps: LoopDeps;
  readonly dirty: DirtyPaths;
  readonly startedAt: EpochMs;
  state: LoopState;
  activity: Activity | undefined;
  watcher: Watcher | undefined;
  /** Undefined: the remote is not looked at for its changes. */
  feed: RemoteFeed | undefined;
  /** Since when the files are to be looked at, as the watcher polls; undefined: not before it asks again. */
  lookAt: MonotonicMs | undefined;
  /** They are not looked at before. */
  restedAt: MonotonicMs;
  /** When the last look at the files alone began; undefined: there was none. */
  filesSeenAt: MonotonicMs | undefined;
  askers: Asker[];
  /** Conflicts that people have decided, in the order in which they are resolved. */
  errands: Errand[];
  beatAt: MonotonicMs;
  /** Its folder is watched, and it goes by what is due. */
  hasBegun: boolean;
  stopping: boolean;
  paused: Pause | undefined;
  /** It was paused, and has not been looked at since. */
  resumed: boolean;
  /** Called when nothing runs any more, and nothing will until it is resumed. */
  idlers: (() => void)[];
  /** The deadline of the stop, or of the pause, has passed: the round that runs was aborted for this, and its failure is no news. */
  brokenOff: AppError | undefined;
  /** Ends the wait for what is due next. */
  wake: AbortController | undefined;
  /** Of the round that runs now. One for each, so that nothing of a round hangs on to what lives for months. */
  running: AbortController;
}

/** There is something to do. The reason is at hand: to make one each time, with its stack, costs more than to wake the loop. */
export function wakeUp(loop: LiveLoop): void {
  loop.wake?.abort("there is something to do");
}

export function openLiveLoop(deps: LoopDeps): LiveLoop {
  const { clock, mapping, rounds, onEvent } = deps;
  const loop: LiveLoop = {
    deps,
    dirty: openDirtyPaths(),
    startedAt: clock.now(),
    state: firstState(rounds.hold(), clock.monotonic()),
    activity: undefined,
    watcher: undefined,
    feed: undefined,
    lookAt: undefined,
    restedAt: clock.monotonic(),
    filesSeenAt: undefined,
    askers: [],
    errands: [],
    beatAt: clock.monotonic(),
    hasBegun: false,
    stopping: false,
    paused: deps.paused,
    resumed: false,
    idlers: [],
    brokenOff: undefined,
    wake: undefined,
    running: new AbortController(),
  };
  const wake = (): void => wakeUp(loop);
  const { pollIntervalMs } = mapping;
  if (mapping.mode !== "push") loop.feed = new RemoteFeed({ clock, rounds, pollIntervalMs, onEvent, wake });
  return loop;
}

export function rejectAskers(loop: LiveLoop, error: AppError): void {
  for (const asker of [...loop.askers, ...loop.errands]) asker.reject(error);
  loop.askers = [];
  loop.errands = [];
}

export function tellIdle(loop: LiveLoop): void {
  for (const tell of loop.idlers) tell();
  loop.idlers = [];
}

export function breakOffAt(deadline: Promise<void>, work: () => void): void {
  // The deadline is called off when all has ended.
  deadline.then(work, () => {});
}

export function breakOff(loop: LiveLoop, reason: AppError): void {
  loop.brokenOff = reason;
  loop.running.abort(reason);
}

export function viewOf(loop: LiveLoop): LoopView {
  const { deps, dirty, startedAt, state, activity, paused, watcher, feed } = loop;
  const { clock } = deps;
  const { fullRound, lastRound, hold, failure, againAt } = state;
  const retryAt = (dueAt: MonotonicMs): EpochMs => Math.round(clock.now() + dueAt - clock.monotonic()) as EpochMs;
  return {
    startedAt,
    activity,
    paused,
    fullRound,
    lastRound,
    hold,
    failure: failure && { ...failure, retryAt: retryAt(failure.dueAt) },
    dirty: dirty.size,
    lost: dirty.isLost,
    resting: deps.rounds.resting().flatMap(({ key, wasCarried }) => (wasCarried ? [] : [key])),
    leftover: againAt !== undefined,
    pollEveryMs: pollEveryMs(loop),
    feed: feed?.view,
    watcher,
  };
}

/** How often all keys are listed. Who is told of all changes does so for safety alone, unless something is in the way of some keys,
 * of which nobody tells when it goes. */
export function pollEveryMs({ deps: { mapping, pollStretch }, feed, state }: LiveLoop): DurationMs | undefined {
  if (mapping.mode === "push") return undefined;
  const everyMs = mapping.pollIntervalMs * pollStretch();
  const isInOrder = problemCountOf(state.lastRound?.standing ?? NO_PROBLEMS) === 0;
  return feed?.isFed === true && isInOrder ? Math.max(everyMs, feed.listEveryMs) : everyMs;
}

/** When the files are to be looked at, to find out which of them changed; undefined: that is not asked for. A pull's folder is not watched: where
 * the feed takes the place of polling, which looked at both sides, its files are looked at as often. */
export function filesLookAt(loop: LiveLoop): MonotonicMs | undefined {
  const { lookAt, restedAt, filesSeenAt, feed, state, deps } = loop;
  if (lookAt !== undefined) return latest(lookAt, restedAt);
  const { mode, pollIntervalMs } = deps.mapping;
  if (mode !== "pull" || feed?.isFed !== true || state.lookedAt === undefined) return undefined;
  const seenAt = filesSeenAt === undefined ? state.lookedAt : latest(state.lookedAt, filesSeenAt);
  return latest((seenAt + pollIntervalMs) as MonotonicMs, restedAt);
}

function latest(a: MonotonicMs, b: MonotonicMs): MonotonicMs {
  return a > b ? a : b;
}

export function stopped({ deps }: LiveLoop): AppError {
  return new AppError("interrupted", `mapping "${deps.mapping.name}" was stopped`);
}

export function momentOf({ clock }: LoopDeps): Moment {
  return { now: clock.monotonic(), wall: clock.now(), random: () => clock.random() };
}

export function wasPaused({ deps }: LiveLoop): AppError {
  return new AppError("interrupted", `mapping "${deps.mapping.name}" was paused`);
}
