// From what a loop knows to what the status says of its mapping. Pure.

import type { EpochMs } from "../../core/clock.ts";
import type { Problem } from "../../core/problem.ts";
import type { Activity, LoopView, MappingLoop } from "./loop-port.ts";
import { NONE_ALIKE } from "../../core/names/alike-names.ts";
import { NO_PROBLEMS } from "../../mapping/standing-problems.ts";
import { holdStatus, problemCountOf, problemStatuses, roundStatus } from "../../mapping/round-status.ts";
import { pausedStatus } from "../../mapping/paused.ts";
import type { ErrorStatus, MappingState, MappingStatus, WorkingStatus } from "../../mapping/status.ts";

const BEING_WRITTEN_SHOWN_MAX = 20;

/** `isWaiting`: requests of the mapping's account wait for the budget. `scrubbed`: what its scrub knows to be wrong. */
export function mappingStatus(loop: MappingLoop, isWaiting: boolean, scrubbed: readonly Problem[] = []): MappingStatus {
  const { mapping } = loop;
  const state = loop.state();
  const { fullRound, lastRound } = state;
  const standing = lastRound?.standing ?? NO_PROBLEMS;
  const lookedAt = fullRound?.startedAt ?? null;
  return {
    mapping: mapping.name,
    mode: mapping.mode,
    account: mapping.account,
    namespace: mapping.namespace,
    namespaceId: fullRound?.namespace?.id ?? null,
    folder: mapping.folder,
    state: stateOf(state, isWaiting),
    since: sinceOf(state),
    localLookedAt: lookedAt,
    remoteLookedAt: lookedAt,
    pending: pendingOf(state),
    beingWritten: state.resting.slice(0, BEING_WRITTEN_SHOWN_MAX),
    conflicts: lastRound?.waitingConflicts ?? 0,
    removesLater: lastRound?.removesLater ?? null,
    working: state.activity === undefined ? null : workingStatus(state.activity),
    lastRound: lastRound === undefined ? null : roundStatus(lastRound),
    hold: state.hold === undefined ? null : holdStatus(state.hold),
    paused: state.paused === undefined ? null : pausedStatus(state.paused),
    error: state.failure === undefined ? null : errorStatus(state.failure, state),
    ...problemStatuses(standing, scrubbed),
    alike: lastRound?.alike ?? NONE_ALIKE,
    watcher: state.watcher?.state() ?? null,
    pollIntervalMs: state.pollEveryMs ?? null,
    feed: state.feed === undefined ? null : { state: state.feed.isUp ? "up" : "lost", since: state.feed.since },
  };
}

function stateOf(state: LoopView, isWaiting: boolean): MappingState {
  const { activity, failure, hold, fullRound, lastRound } = state;
  // The round that ran when the pause was asked for ends first.
  if (state.paused !== undefined) return isRunning(activity) ? "working" : "paused";
  if (hold !== undefined) return "hold";
  if (failure !== undefined) return "error";
  if (activity !== undefined && !activity.queued && isWaiting) return "waiting";
  if (fullRound === undefined) return "starting";
  if (activity !== undefined && !activity.queued) return "working";
  if (state.dirty + state.resting.length > 0 || state.lost || state.leftover || fullRound.result.lagging > 0)
    return "behind";
  return problemCountOf(lastRound?.standing ?? NO_PROBLEMS) > 0 ? "incomplete" : "in-step";
}

function isRunning(activity: Activity | undefined): boolean {
  return activity !== undefined && !activity.queued;
}

function sinceOf({ activity, paused, failure, hold, lastRound, startedAt }: LoopView): EpochMs {
  if (paused !== undefined) return isRunning(activity) ? activity!.startedAt : paused.since;
  if (hold !== undefined) return hold.since;
  if (failure !== undefined) return failure.since;
  if (activity !== undefined) return activity.startedAt;
  return lastRound === undefined ? startedAt : ((lastRound.startedAt + lastRound.durationMs) as EpochMs);
}

/** What the last full round left, and what has changed since. */
function pendingOf({ dirty, resting, fullRound, lastRound }: LoopView): number {
  const failed = problemCountOf(lastRound?.standing ?? NO_PROBLEMS);
  return (
    dirty + resting.length + failed + (fullRound === undefined ? 0 : fullRound.result.held + fullRound.result.lagging)
  );
}

function workingStatus({ step, startedAt, progress, queued }: Activity): WorkingStatus {
  return {
    step,
    phase: queued ? "queued" : (progress?.phase ?? "compare"),
    startedAt,
    keys: progress?.keys ?? 0,
    keysTotal: progress?.keysTotal ?? null,
  };
}

function errorStatus({ error, since, retryAt }: NonNullable<LoopView["failure"]>, { paused }: LoopView): ErrorStatus {
  const { code, message, hint = null } = error;
  return { code, message, hint, since, retryAt: paused === undefined ? retryAt : null };
}
