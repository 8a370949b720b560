// One mapping over time: when its rounds run, what becomes of those that fail, and what is known meanwhile. It never ends
// by itself: what fails is tried again, with backoff, until the mapping is stopped. Rounds of one mapping never overlap.

import type { DurationMs, MonotonicMs } from "../../core/clock.ts";
import type { AppError } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";
import { encodeKey } from "../../core/names/path-codec.ts";
import {
  breakOff,
  breakOffAt,
  type LiveLoop,
  momentOf,
  openLiveLoop,
  pollEveryMs,
  rejectAskers,
  stopped,
  tellIdle,
  viewOf,
  wasPaused,
} from "./live-loop.ts";
import type { LoopDeps, MappingLoop } from "./loop-port.ts";
import { becameDirty, type EndedRound, roundEnded, roundFailed, scheduleOf, turnEnded } from "./loop-state.ts";
import { operationErrorOf } from "../../journal/operation-error.ts";
import { pausedError } from "../../mapping/paused.ts";
import type { RoundCall } from "../../mapping/round-port.ts";
import type { RestWait } from "../../replica/with-rest.ts";
import { type FullReason, nextStep, restedAfterLook } from "./schedule.ts";
import type { WatchEvents } from "../watch/watcher.ts";

/** How long a round may show no progress and still be alive: a rate limit is waited out for ten minutes, and six tries
 * of one request may take a quarter of an hour. */
export const ROUND_SILENCE_MS_MAX: DurationMs = 1_800_000;
/** A thousand mappings may each have a first round of minutes before this one has its turn. */
const QUEUE_MS_MAX: DurationMs = 7 * 86_400_000;
/** Who asks for a look has just written what it is for: so long it waits for files to rest, and leaves what still moves for later. */
const ASKED_REST_MS_MAX: DurationMs = 2000;
const BEAT_INTERVAL_MS: DurationMs = 10_000;

export function openMappingLoop(deps: LoopDeps): MappingLoop {
  const { mapping, rounds, heartbeat } = deps;
  const loop = openLiveLoop(deps);
  let isOver = false;
  const ended = run(loop).finally(async () => {
    isOver = true;
    rejectAskers(loop, stopped(loop));
    tellIdle(loop);
    heartbeat.close();
    await loop.watcher?.close();
    await rounds.close();
  });
  return {
    mapping,
    isPaused: () => loop.paused !== undefined,
    lastFullRound: () => loop.state.fullRound,
    state: () => viewOf(loop),
    sync: () =>
      new Promise((resolve, reject) => {
        if (loop.stopping) return reject(stopped(loop));
        if (loop.paused !== undefined) return reject(pausedError(loop.paused));
        loop.askers.push({ resolve, reject });
        loop.wake?.abort();
      }),
    conflicts: rounds,
    resolve: (choice) =>
      new Promise((resolve, reject) => {
        if (loop.stopping) return reject(stopped(loop));
        if (loop.paused !== undefined) return reject(pausedError(loop.paused));
        loop.errands.push({ choice, resolve, reject });
        loop.wake?.abort();
      }),
    approve: (plan) => {
      if (!rounds.approve(plan)) return false;
      loop.state = { ...loop.state, hold: rounds.hold() };
      return true;
    },
    pause: async (pause, deadline) => {
      loop.paused = pause;
      rejectAskers(loop, pausedError(pause));
      // One that waits for its turn, or for its watches, begins nothing when it has them.
      if (isOver || !loop.hasBegun || loop.activity?.queued === true) return;
      const { promise: idle, resolve } = Promise.withResolvers<void>();
      loop.idlers.push(resolve);
      loop.wake?.abort();
      breakOffAt(deadline, () => {
        if (loop.paused !== undefined && loop.idlers.includes(resolve)) breakOff(loop, wasPaused(loop));
      });
      await idle;
    },
    resume: () => {
      loop.paused = undefined;
      loop.resumed = true;
      loop.wake?.abort();
    },
    discarded: () => {
      loop.state = { ...loop.state, hold: undefined };
    },
    stop: async (deadline) => {
      loop.stopping = true;
      loop.wake?.abort();
      breakOffAt(deadline, () => {
        if (!isOver) breakOff(loop, stopped(loop));
      });
      await ended;
    },
    ended,
  };
}

async function run(loop: LiveLoop): Promise<void> {
  const { deps, dirty } = loop;
  const { clock, mapping } = deps;
  const watches = mapping.mode !== "pull";
  if (watches) loop.watcher = await deps.openWatcher(watchEvents(loop));
  if (loop.watcher !== undefined) deps.onEvent({ kind: "watcher", state: loop.watcher.state() });
  loop.hasBegun = true;
  while (!loop.stopping) {
    loop.brokenOff = undefined;
    tellIdle(loop);
    if (loop.errands.length > 0) {
      await turn(loop, "dirty", () => errand(loop));
      continue;
    }
    const step = nextStep(
      {
        ...scheduleOf(loop.state, dirty.size > 0, restAt(loop)),
        pollEveryMs: pollEveryMs(deps),
        rescanEveryMs: watches ? mapping.rescanIntervalMs : undefined,
        asked: loop.askers.length > 0,
        paused: loop.paused !== undefined,
        resumed: loop.resumed,
        lost: dirty.isLost,
        lookAt: loop.lookAt === undefined ? undefined : latest(loop.lookAt, loop.restedAt),
      },
      clock.monotonic(),
    );
    if (step.kind === "wait") {
      if (dirty.size === 0 && !dirty.isLost && loop.paused === undefined) loop.watcher?.caughtUp();
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
function restAt({ deps }: LiveLoop): MonotonicMs | undefined {
  const times = deps.rounds.resting().map(({ dueAt }) => dueAt);
  return times.length === 0 ? undefined : times.reduce((first, at) => (at < first ? at : first));
}

function watchEvents(loop: LiveLoop): WatchEvents {
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

async function sleepUntil(loop: LiveLoop, until: MonotonicMs): Promise<void> {
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
  loop: LiveLoop,
  step: "full" | "dirty",
  round: () => Promise<void>,
  reasons: readonly FullReason[] = [],
): Promise<void> {
  const { clock, heartbeat, gate, onEvent } = loop.deps;
  loop.activity = { step, startedAt: clock.now(), progress: undefined, queued: true };
  heartbeat.beat(QUEUE_MS_MAX);
  try {
    await gate.run(step, async () => {
      if (loop.stopping || loop.paused !== undefined) return;
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
async function look(loop: LiveLoop): Promise<void> {
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

async function fullRound(loop: LiveLoop, reasons: readonly FullReason[]): Promise<void> {
  const { clock, rounds } = loop.deps;
  // A poll is about the remote, and at the start the watches are new; any other full round may be for what they missed.
  if (reasons.some((reason) => reason !== "poll" && reason !== "start")) await loop.watcher?.refresh();
  // No await between here and the start of the round: who asks from now on, and what changes from now on, is not covered by it,
  // and is left for the next one.
  loop.dirty.take();
  loop.lookAt = undefined;
  loop.resumed = false;
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
    const isPaused = loop.brokenOff !== undefined && loop.paused !== undefined;
    const failed = onFailure(loop, error);
    for (const asker of waiting) asker.reject(isPaused ? pausedError(loop.paused!) : (failed ?? error));
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
async function dirtyWork(loop: LiveLoop): Promise<DirtyWork | undefined> {
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

async function dirtyRound(loop: LiveLoop, { isDue, rested }: DirtyWork): Promise<void> {
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

/** Resolves the first of the conflicts that wait for it. What it fails of is told whoever asked. */
async function errand(loop: LiveLoop): Promise<void> {
  const { clock, rounds, onEvent } = loop.deps;
  const next = loop.errands.shift();
  if (next === undefined) return;
  const began = clock.monotonic();
  try {
    const { resolved, report, paths } = await rounds.resolve(next.choice, callOf(loop));
    if (report !== undefined) onSuccess(loop, { step: "dirty", report, began, leavesDirty: true });
    if (paths.length > 0) watchEvents(loop).onDirty(paths);
    onEvent({ kind: "conflict-resolved", resolved });
    next.resolve(resolved);
  } catch (thrown) {
    const error = operationErrorOf(thrown);
    const isPaused = loop.brokenOff !== undefined && loop.paused !== undefined;
    next.reject(isPaused ? pausedError(loop.paused!) : (error ?? thrown));
    if (error === undefined) throw thrown;
    // What concerns all that the daemon does is told as any round's failure is.
    if (error.code === "state-damaged" || error.code === "state-removed") onFailure(loop, error);
  }
}

/** Reads the state only now, after the round: an approval or a dirty path that came while it ran is in it. Returns whether the
 * paths that the round was about are to be looked at once more. */
function onSuccess(loop: LiveLoop, round: Omit<EndedRound, "settleWindowMs" | "removeAfterMs">): boolean {
  const { mapping, onEvent } = loop.deps;
  const { settleWindowMs, removeAfterMs } = mapping;
  const ended = { ...round, settleWindowMs, removeAfterMs };
  const { state, events, isDirtyAgain } = roundEnded(loop.state, ended, momentOf(loop.deps));
  loop.state = state;
  for (const event of events) onEvent(event);
  return isDirtyAgain;
}

/** Undefined: it is a bug. */
function onFailure(loop: LiveLoop, thrown: unknown): AppError | undefined {
  const error = operationErrorOf(thrown);
  if (error === undefined || loop.brokenOff !== undefined) return error;
  const { state, event } = roundFailed(loop.state, error, momentOf(loop.deps));
  loop.state = state;
  loop.deps.onEvent(event);
  return error;
}

function callOf(loop: LiveLoop): RoundCall {
  const { clock } = loop.deps;
  loop.running = new AbortController();
  if (loop.brokenOff !== undefined) loop.running.abort(loop.brokenOff);
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

function beat(loop: LiveLoop): void {
  loop.beatAt = loop.deps.clock.monotonic();
  loop.deps.heartbeat.beat();
}
