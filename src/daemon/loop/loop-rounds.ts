// The rounds of one mapping's loop: what each is about, and what becomes of what it ends with.

import type { DurationMs } from "../../core/clock.ts";
import type { AppError } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";
import { encodeKey } from "../../core/names/path-codec.ts";
import { operationErrorOf } from "../../journal/operation-error.ts";
import { pausedError } from "../../mapping/paused.ts";
import type { RoundCall } from "../../mapping/round-port.ts";
import type { RestWait } from "../../replica/with-rest.ts";
import type { WatchEvents } from "../watch/watcher.ts";
import { type LiveLoop, momentOf, wakeUp } from "./live-loop.ts";
import { becameDirty, type EndedRound, roundEnded, roundFailed } from "./loop-state.ts";
import { type FullReason, restedAfterLook } from "./schedule.ts";

/** How long a round may show no progress and still be alive: a rate limit is waited out for ten minutes, and six tries
 * of one request may take a quarter of an hour. */
export const ROUND_SILENCE_MS_MAX: DurationMs = 1_800_000;
/** Who asks for a look has just written what it is for: so long it waits for files to rest, and leaves what still moves for later. */
const ASKED_REST_MS_MAX: DurationMs = 2000;
const BEAT_INTERVAL_MS: DurationMs = 10_000;

export function watchEvents(loop: LiveLoop): WatchEvents {
  const { clock, onEvent } = loop.deps;
  return {
    onDirty: (paths) => {
      loop.dirty.add(paths);
      loop.state = becameDirty(loop.state, clock.monotonic());
      wakeUp(loop);
    },
    onRescan: (reason) => {
      loop.dirty.lose();
      onEvent({ kind: "rescan", reason });
      wakeUp(loop);
    },
    onPoll: () => {
      loop.lookAt ??= clock.monotonic();
      wakeUp(loop);
    },
  };
}

/** Finds out which files changed, where nothing tells of it. */
export async function look(loop: LiveLoop): Promise<void> {
  const { clock, mapping, rounds } = loop.deps;
  loop.lookAt = undefined;
  beat(loop);
  const began = clock.monotonic();
  loop.filesSeenAt = began;
  try {
    const found = await rounds.look(callOf(loop).signal);
    const events = watchEvents(loop);
    // The remote is the truth of a pull, and is looked at for what was done to its files.
    if (found.kind === "paths" && mapping.mode === "pull") events.onRescan("files are not as they were written");
    else if (found.kind === "paths") events.onDirty(found.paths);
    if (found.kind === "rescan") events.onRescan(found.reason);
  } catch (error) {
    if (onFailure(loop, error) === undefined) throw error;
  } finally {
    loop.restedAt = restedAfterLook(began, clock.monotonic());
  }
}

/** In place of a look at all keys, where the feed tells what has changed since the last one: one at the files that have. */
export async function firstRound(loop: LiveLoop, reasons: readonly FullReason[]): Promise<void> {
  const { clock, rounds } = loop.deps;
  const { feed } = loop;
  if (feed === undefined || loop.askers.length > 0) return fullRound(loop, reasons);
  loop.dirty.take();
  loop.lookAt = undefined;
  const began = clock.monotonic();
  try {
    const report = await rounds.goOn(callOf(loop), () => feed.isFed);
    if (report === undefined) return await fullRound(loop, reasons);
    feed.told.wentOn();
    onSuccess(loop, { step: "full", report: { ...report, isFull: true }, began });
  } catch (error) {
    if (onFailure(loop, error) === undefined) throw error;
  }
}

/** Looks at the keys that the remote has told of. */
export async function changedRound(loop: LiveLoop): Promise<void> {
  const { clock, rounds } = loop.deps;
  const { feed } = loop;
  if (feed === undefined) return;
  const began = clock.monotonic();
  loop.state = { ...loop.state, wasRemote: true };
  try {
    const report = await rounds.changed(feed.told.begin(), callOf(loop));
    feed.told.ended(report);
    onSuccess(loop, { step: "dirty", report, began, isOfRemote: true });
  } catch (error) {
    feed.told.failed();
    if (onFailure(loop, error) === undefined) throw error;
  }
}

/** Nothing is left to be done. */
export function keepCursor(loop: LiveLoop): void {
  try {
    loop.feed?.idle();
  } catch (error) {
    if (onFailure(loop, error) === undefined) throw error;
  }
}

export async function fullRound(loop: LiveLoop, reasons: readonly FullReason[]): Promise<void> {
  const { clock, rounds } = loop.deps;
  const { feed } = loop;
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
    const call = callOf(loop);
    const onReached: RoundCall["onReached"] = async (remote) => {
      await call.onReached?.(remote);
      feed?.told.begin();
    };
    const isAsked = waiting.length > 0 || reasons.includes("resumed");
    const report = await rounds.full({ ...call, onReached, isAsked, ...(wait !== undefined && { wait }) });
    feed?.told.ended(report);
    onSuccess(loop, { step: "full", report, began });
    for (const asker of waiting) asker.resolve(report);
  } catch (error) {
    feed?.told.failed();
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
export async function dirtyWork(loop: LiveLoop): Promise<DirtyWork | undefined> {
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

export async function dirtyRound(loop: LiveLoop, { isDue, rested }: DirtyWork): Promise<void> {
  const { clock, rounds, mapping } = loop.deps;
  const began = clock.monotonic();
  const paths = [
    ...new Set([...(isDue ? loop.dirty.take() : []), ...rested.map((key) => encodeKey(key, mapping.names))]),
  ];
  loop.state = { ...loop.state, wasRemote: false };
  try {
    const report = await rounds.dirty(paths, callOf(loop));
    const isDirtyAgain = onSuccess(loop, { step: "dirty", report, began, leavesDirty: !isDue });
    if (isDirtyAgain) loop.dirty.add(paths);
  } catch (error) {
    if (onFailure(loop, error) === undefined) throw error;
  }
}

/** Resolves the first of the conflicts that wait for it. What it fails of is told whoever asked. */
export async function errand(loop: LiveLoop): Promise<void> {
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
  loop.feed?.roundEnded();
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
    onReached: async (remote) => loop.feed?.reached(remote),
    onProgress: (progress) => {
      if (clock.monotonic() - loop.beatAt > BEAT_INTERVAL_MS) beat(loop);
      if (loop.activity !== undefined) loop.activity = { ...loop.activity, progress };
    },
  };
}

export function beat(loop: LiveLoop): void {
  loop.beatAt = loop.deps.clock.monotonic();
  loop.deps.heartbeat.beat();
}
