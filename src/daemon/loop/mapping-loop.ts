// One mapping over time: when its rounds run, what becomes of those that fail, and what is known meanwhile. It never ends
// by itself: what fails is tried again, with backoff, until the mapping is stopped. Rounds of one mapping never overlap.

import type { DurationMs, EpochMs, MonotonicMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";
import { encodeKey } from "../../core/names/path-codec.ts";
import { type DirtyPaths, openDirtyPaths } from "./dirty-paths.ts";
import type { Activity, LoopDeps, LoopView, MappingLoop } from "./loop-port.ts";
import {
  becameDirty,
  type EndedRound,
  firstState,
  type LoopState,
  type Moment,
  roundEnded,
  roundFailed,
  scheduleOf,
  turnEnded,
} from "./loop-state.ts";
import { operationErrorOf } from "../../journal/operation-error.ts";
import type { RoundCall, RoundReport } from "../../mapping/round-port.ts";
import type { RestWait } from "../../replica/with-rest.ts";
import { type FullReason, nextStep, restedAfterLook } from "./schedule.ts";
import type { WatchEvents, Watcher } from "../watch/watcher.ts";

/** How long a round may show no progress and still be alive: a rate limit is waited out for ten minutes, and six tries
 * of one request may take a quarter of an hour. */
export const ROUND_SILENCE_MS_MAX: DurationMs = 1_800_000;
/** A thousand mappings may each have a first round of minutes before this one has its turn. */
const QUEUE_MS_MAX: DurationMs = 7 * 86_400_000;
/** Who asks for a look has just written what it is for: so long it waits for files to rest, and leaves what still moves for later. */
const ASKED_REST_MS_MAX: DurationMs = 2000;
const BEAT_INTERVAL_MS: DurationMs = 10_000;

interface Asker {
  readonly resolve: (report: RoundReport) => void;
  readonly reject: (error: unknown) => void;
}

/** What a loop holds while it lives: the rest of what it knows is {@link LoopState}. */
interface Loop {
  readonly deps: LoopDeps;
  readonly dirty: DirtyPaths;
  readonly startedAt: EpochMs;
  state: LoopState;
  activity: Activity | undefined;
  watcher: Watcher | undefined;
  /** Since when the files are to be looked at, as the watcher polls; undefined: not before it asks again. */
  lookAt: MonotonicMs | undefined;
  /** They are not looked at before. */
  restedAt: MonotonicMs;
  askers: Asker[];
  beatAt: MonotonicMs;
  stopping: boolean;
  /** The deadline of the stop has passed: the round that runs was aborted, and its failure is no news. */
  isBrokenOff: boolean;
  /** Ends the wait for what is due next. */
  wake: AbortController | undefined;
  /** Of the round that runs now. One for each, so that nothing of a round hangs on to what lives for months. */
  running: AbortController;
}

export function openMappingLoop(deps: LoopDeps): MappingLoop {
  const { clock, mapping, rounds, heartbeat } = deps;
  const loop: Loop = {
    deps,
    dirty: openDirtyPaths(),
    startedAt: clock.now(),
    state: firstState(rounds.hold(), clock.monotonic()),
    activity: undefined,
    watcher: undefined,
    lookAt: undefined,
    restedAt: clock.monotonic(),
    askers: [],
    beatAt: clock.monotonic(),
    stopping: false,
    isBrokenOff: false,
    wake: undefined,
    running: new AbortController(),
  };
  let isOver = false;
  const ended = run(loop).finally(async () => {
    isOver = true;
    for (const asker of loop.askers) asker.reject(stopped(loop));
    loop.askers = [];
    heartbeat.close();
    await loop.watcher?.close();
    await rounds.close();
  });
  return {
    mapping,
    lastFullRound: () => loop.state.fullRound,
    state: () => viewOf(loop),
    sync: () =>
      new Promise((resolve, reject) => {
        if (loop.stopping) return reject(stopped(loop));
        loop.askers.push({ resolve, reject });
        loop.wake?.abort();
      }),
    approve: (plan) => {
      if (!rounds.approve(plan)) return false;
      loop.state = { ...loop.state, hold: rounds.hold() };
      return true;
    },
    stop: async (deadline) => {
      loop.stopping = true;
      loop.wake?.abort();
      deadline.then(
        () => {
          if (isOver) return;
          loop.isBrokenOff = true;
          loop.running.abort(stopped(loop));
        },
        // The deadline was called off, since all has ended.
        () => {},
      );
      await ended;
    },
    ended,
  };
}

function viewOf({ deps, dirty, startedAt, state, activity, watcher }: Loop): LoopView {
  const { clock } = deps;
  const { fullRound, lastRound, hold, failure, againAt } = state;
  const retryAt = (dueAt: MonotonicMs): EpochMs => Math.round(clock.now() + dueAt - clock.monotonic()) as EpochMs;
  return {
    startedAt,
    activity,
    fullRound,
    lastRound,
    hold,
    failure: failure && { ...failure, retryAt: retryAt(failure.dueAt) },
    dirty: dirty.size,
    lost: dirty.isLost,
    resting: deps.rounds.resting().flatMap(({ key, wasCarried }) => (wasCarried ? [] : [key])),
    leftover: againAt !== undefined,
    pollEveryMs: pollEveryMs(deps),
    watcher,
  };
}

function pollEveryMs({ mapping, pollStretch }: LoopDeps): DurationMs | undefined {
  return mapping.mode === "push" ? undefined : mapping.pollIntervalMs * pollStretch();
}

function stopped({ deps }: Loop): AppError {
  return new AppError("interrupted", `mapping "${deps.mapping.name}" was stopped`);
}

function momentOf({ clock }: LoopDeps): Moment {
  return { now: clock.monotonic(), wall: clock.now(), random: () => clock.random() };
}

async function run(loop: Loop): Promise<void> {
  const { deps, dirty } = loop;
  const { clock, mapping } = deps;
  const watches = mapping.mode !== "pull";
  if (watches) loop.watcher = await deps.openWatcher(watchEvents(loop));
  if (loop.watcher !== undefined) deps.onEvent({ kind: "watcher", state: loop.watcher.state() });
  while (!loop.stopping) {
    const step = nextStep(
      {
        ...scheduleOf(loop.state, dirty.size > 0, restAt(loop)),
        pollEveryMs: pollEveryMs(deps),
        rescanEveryMs: watches ? mapping.rescanIntervalMs : undefined,
        asked: loop.askers.length > 0,
        lost: dirty.isLost,
        lookAt: loop.lookAt === undefined ? undefined : latest(loop.lookAt, loop.restedAt),
      },
      clock.monotonic(),
    );
    if (step.kind === "wait") {
      if (dirty.size === 0 && !dirty.isLost) loop.watcher?.caughtUp();
      await sleepUntil(loop, step.until);
    } else if (step.kind === "look") await look(loop);
    else if (step.kind === "full") await turn(loop, "full", () => fullRound(loop, step.reasons), step.reasons);
    else {
      const work = await dirtyWork(loop);
      if (work !== undefined) await turn(loop, "dirty", () => dirtyRound(loop, work));
    }
  }
}

/** When the next of the files that are being written may be at rest; undefined: there is none. */
function restAt({ deps }: Loop): MonotonicMs | undefined {
  const times = deps.rounds.resting().map(({ dueAt }) => dueAt);
  return times.length === 0 ? undefined : times.reduce((first, at) => (at < first ? at : first));
}

function watchEvents(loop: Loop): WatchEvents {
  const { clock, onEvent } = loop.deps;
  return {
    onDirty: (paths) => {
      loop.dirty.add(paths);
      loop.state = becameDirty(loop.state, clock.monotonic());
      loop.wake?.abort();
    },
    onRescan: (reason) => {
      loop.dirty.lose();
      onEvent({ kind: "rescan", reason });
      loop.wake?.abort();
    },
    onPoll: () => {
      loop.lookAt ??= clock.monotonic();
      loop.wake?.abort();
    },
  };
}

async function sleepUntil(loop: Loop, until: MonotonicMs): Promise<void> {
  const { clock, heartbeat } = loop.deps;
  const sleep = new AbortController();
  const waitMs = Math.max(0, until - clock.monotonic());
  loop.wake = sleep;
  heartbeat.beat(waitMs + ROUND_SILENCE_MS_MAX);
  try {
    await clock.sleep(waitMs, sleep.signal);
  } catch (error) {
    if (!sleep.signal.aborted) throw error;
  } finally {
    loop.wake = undefined;
  }
}

/** Waits for its turn among the mappings, and runs one round. */
async function turn(
  loop: Loop,
  step: "full" | "dirty",
  round: () => Promise<void>,
  reasons: readonly FullReason[] = [],
): Promise<void> {
  const { clock, heartbeat, gate, onEvent } = loop.deps;
  loop.activity = { step, startedAt: clock.now(), progress: undefined, queued: true };
  heartbeat.beat(QUEUE_MS_MAX);
  try {
    await gate.run(step, async () => {
      if (loop.stopping) return;
      beat(loop);
      loop.activity = { step, startedAt: clock.now(), progress: undefined, queued: false };
      onEvent({ kind: "round-began", step, reasons });
      await round();
    });
  } finally {
    loop.activity = undefined;
    loop.state = turnEnded(loop.state, step, clock.monotonic());
  }
}

/** Finds out which files changed, where nothing tells of it. */
async function look(loop: Loop): Promise<void> {
  const { clock, rounds } = loop.deps;
  loop.lookAt = undefined;
  beat(loop);
  const began = clock.monotonic();
  try {
    const found = await rounds.look(callOf(loop).signal);
    const events = watchEvents(loop);
    if (found.kind === "paths") events.onDirty(found.paths);
    if (found.kind === "rescan") events.onRescan(found.reason);
  } catch (error) {
    if (onFailure(loop, error) === undefined) throw error;
  } finally {
    loop.restedAt = restedAfterLook(began, clock.monotonic());
  }
}

async function fullRound(loop: Loop, reasons: readonly FullReason[]): Promise<void> {
  const { clock, rounds } = loop.deps;
  // A poll is about the remote, and at the start the watches are new; any other full round may be for what they missed.
  if (reasons.some((reason) => reason !== "poll" && reason !== "start")) await loop.watcher?.refresh();
  // No await between here and the start of the round: who asks from now on, and what changes from now on, is not covered by it,
  // and is left for the next one.
  loop.dirty.take();
  loop.lookAt = undefined;
  const waiting = loop.askers;
  loop.askers = [];
  const began = clock.monotonic();
  try {
    const wait: RestWait | undefined =
      waiting.length > 0 ? { leftMs: ASKED_REST_MS_MAX, after: "leave-out" } : undefined;
    const report = await rounds.full({ ...callOf(loop), ...(wait !== undefined && { wait }) });
    onSuccess(loop, { step: "full", report, began });
    for (const asker of waiting) asker.resolve(report);
  } catch (error) {
    const failed = onFailure(loop, error);
    for (const asker of waiting) asker.reject(failed ?? error);
    if (failed === undefined) throw error;
  }
}

interface DirtyWork {
  /** The dirty paths are due. */
  readonly isDue: boolean;
  /** Files that were being written, and that a round is to look at. */
  readonly rested: readonly Key[];
}

/** What a round over some keys is to be about; undefined: all that was due is still being written. */
async function dirtyWork(loop: Loop): Promise<DirtyWork | undefined> {
  const { clock, rounds } = loop.deps;
  const now = clock.monotonic();
  const isDue = loop.dirty.size > 0 && loop.state.dirtyAt <= now;
  const due = rounds.resting().flatMap(({ key, dueAt }) => (dueAt <= now ? [key] : []));
  try {
    const rested = due.length === 0 ? due : await rounds.rested(due, callOf(loop).signal);
    return isDue || rested.length > 0 ? { isDue, rested } : undefined;
  } catch (error) {
    if (onFailure(loop, error) === undefined) throw error;
    return undefined;
  }
}

async function dirtyRound(loop: Loop, { isDue, rested }: DirtyWork): Promise<void> {
  const { clock, rounds, mapping } = loop.deps;
  const began = clock.monotonic();
  const paths = [
    ...new Set([...(isDue ? loop.dirty.take() : []), ...rested.map((key) => encodeKey(key, mapping.names))]),
  ];
  try {
    const report = await rounds.dirty(paths, callOf(loop));
    const isDirtyAgain = onSuccess(loop, { step: "dirty", report, began, leavesDirty: !isDue });
    if (isDirtyAgain) loop.dirty.add(paths);
  } catch (error) {
    if (onFailure(loop, error) === undefined) throw error;
  }
}

/** Reads the state only now, after the round: an approval or a dirty path that came while it ran is in it. Returns whether the
 * paths that the round was about are to be looked at once more. */
function onSuccess(loop: Loop, round: Omit<EndedRound, "settleWindowMs" | "removeAfterMs">): boolean {
  const { mapping, onEvent } = loop.deps;
  const { settleWindowMs, removeAfterMs } = mapping;
  const ended = { ...round, settleWindowMs, removeAfterMs };
  const { state, events, isDirtyAgain } = roundEnded(loop.state, ended, momentOf(loop.deps));
  loop.state = state;
  for (const event of events) onEvent(event);
  return isDirtyAgain;
}

/** Undefined: it is a bug. */
function onFailure(loop: Loop, thrown: unknown): AppError | undefined {
  const error = operationErrorOf(thrown);
  if (error === undefined || loop.isBrokenOff) return error;
  const { state, event } = roundFailed(loop.state, error, momentOf(loop.deps));
  loop.state = state;
  loop.deps.onEvent(event);
  return error;
}

function callOf(loop: Loop): RoundCall {
  const { clock } = loop.deps;
  loop.running = new AbortController();
  if (loop.isBrokenOff) loop.running.abort(stopped(loop));
  return {
    signal: loop.running.signal,
    onProgress: (progress) => {
      if (clock.monotonic() - loop.beatAt > BEAT_INTERVAL_MS) beat(loop);
      if (loop.activity !== undefined) loop.activity = { ...loop.activity, progress };
    },
  };
}

function latest(a: MonotonicMs, b: MonotonicMs): MonotonicMs {
  return a > b ? a : b;
}

function beat(loop: Loop): void {
  loop.beatAt = loop.deps.clock.monotonic();
  loop.deps.heartbeat.beat();
}
