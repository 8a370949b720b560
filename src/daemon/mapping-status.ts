// From what a loop knows to what the status says of its mapping. Pure.

import type { EpochMs } from "../core/clock.ts";
import type { Problem } from "../core/problem.ts";
import { passesByItself } from "./collect-problems.ts";
import { decodeHoldReason, renderHoldAdvice, renderHoldReason } from "./hold-reason.ts";
import type { Hold } from "../journal/holds.ts";
import type { Activity, Failure, LoopState, MappingLoop } from "./mapping-loop.ts";
import type { RoundReport } from "./round-port.ts";
import { NO_PROBLEMS, type StandingProblems } from "./standing-problems.ts";
import type {
  ErrorStatus,
  HoldStatus,
  MappingState,
  MappingStatus,
  ProblemStatus,
  RoundStatus,
  WorkingStatus,
} from "./status.ts";

const PROBLEMS_SHOWN_MAX = 20;

/** `isWaiting`: requests of the mapping's account wait for the budget. `scrubbed`: what its scrub knows to be wrong. */
export function mappingStatus(loop: MappingLoop, isWaiting: boolean, scrubbed: readonly Problem[] = []): MappingStatus {
  const { mapping } = loop;
  const state = loop.state();
  const { look, lastRound } = state;
  const standing = lastRound?.standing ?? NO_PROBLEMS;
  const lookedAt = look?.startedAt ?? null;
  return {
    mapping: mapping.name,
    mode: mapping.mode,
    account: mapping.account,
    namespace: mapping.namespace,
    namespaceId: look?.namespace?.id ?? null,
    folder: mapping.folder,
    state: stateOf(state, isWaiting),
    since: sinceOf(state),
    localLookedAt: lookedAt,
    remoteLookedAt: lookedAt,
    pending: pendingOf(state),
    conflicts: waitingConflicts(mapping.conflict, look),
    working: state.activity === undefined ? null : workingStatus(state.activity),
    lastRound: lastRound === undefined ? null : roundStatus(lastRound),
    hold: state.hold === undefined ? null : holdStatus(state.hold),
    error: state.failure === undefined ? null : errorStatus(state.failure),
    ...problemStatuses(standing, scrubbed),
    watcher: state.watcher?.state() ?? null,
    pollIntervalMs: state.pollEveryMs ?? null,
  };
}

function stateOf(state: LoopState, isWaiting: boolean): MappingState {
  const { activity, failure, hold, look, lastRound } = state;
  if (hold !== undefined) return "hold";
  if (failure !== undefined) return "error";
  if (activity !== undefined && !activity.queued && isWaiting) return "waiting";
  if (look === undefined) return "starting";
  if (activity !== undefined && !activity.queued) return "working";
  if (state.dirty > 0 || state.lost || state.leftover || look.result.lagging > 0) return "behind";
  return problemCountOf(lastRound?.standing ?? NO_PROBLEMS) > 0 ? "incomplete" : "in-step";
}

function sinceOf({ activity, failure, hold, lastRound, startedAt }: LoopState): EpochMs {
  if (hold !== undefined) return hold.since;
  if (failure !== undefined) return failure.since;
  if (activity !== undefined) return activity.startedAt;
  return lastRound === undefined ? startedAt : ((lastRound.startedAt + lastRound.durationMs) as EpochMs);
}

/** What the last look left, and what has changed since. */
function pendingOf({ dirty, look, lastRound }: LoopState): number {
  const failed = problemCountOf(lastRound?.standing ?? NO_PROBLEMS);
  return dirty + failed + (look === undefined ? 0 : look.result.held + look.result.lagging);
}

function problemCountOf({ known, more }: StandingProblems): number {
  return known.length + more;
}

/** `scrubbed`: what is known to be wrong besides. */
export function problemStatuses(
  standing: StandingProblems = NO_PROBLEMS,
  scrubbed: readonly Problem[],
): Pick<MappingStatus, "problems" | "problemCount"> {
  const known = [...standing.known.map(problemStatus), ...scrubbed.map((problem) => problemStatus(problem))];
  return {
    problems: known.slice(0, PROBLEMS_SHOWN_MAX),
    problemCount: problemCountOf(standing) + scrubbed.length,
  };
}

function problemStatus(problem: Problem & { readonly since?: EpochMs }): ProblemStatus {
  const { code, subject, message, since = null } = problem;
  return { code, subject, message, since, passesByItself: passesByItself(problem) };
}

function waitingConflicts(policy: string, look: RoundReport | undefined): number {
  return policy === "hold" ? (look?.result.conflicts ?? 0) : 0;
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

export function roundStatus(report: Pick<RoundReport, "result" | "startedAt" | "durationMs">): RoundStatus {
  const { result, startedAt, durationMs } = report;
  const { written, removed, unchanged, skipped, conflicts, failed, lagging, bytes } = result;
  return { startedAt, durationMs, written, removed, unchanged, skipped, conflicts, failed, lagging, bytes };
}

export function holdStatus({ plan, reason, writes, removes, since, approved }: Hold): HoldStatus {
  const decoded = decodeHoldReason(reason);
  const [message, hint] = [renderHoldReason(decoded), renderHoldAdvice(decoded)];
  return { plan, guard: decoded.guard, message, hint, writes, removes, since, approved };
}

function errorStatus({ error, since, retryAt }: Failure): ErrorStatus {
  return { code: error.code, message: error.message, hint: error.hint ?? null, since, retryAt };
}
