// From what a round, a hold and the problems are to what the status says of them. Pure.

import type { EpochMs } from "../core/clock.ts";
import type { Problem } from "../core/problem.ts";
import type { Hold } from "../journal/holds.ts";
import { passesByItself } from "./collect-problems.ts";
import { decodeHoldReason, renderHoldAdvice, renderHoldReason } from "./hold-reason.ts";
import type { RoundReport } from "./round-port.ts";
import { NO_PROBLEMS, type StandingProblems } from "./standing-problems.ts";
import type { HoldStatus, MappingStatus, ProblemStatus, RoundStatus } from "./status.ts";

const PROBLEMS_SHOWN_MAX = 20;

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

export function problemCountOf({ known, more }: StandingProblems): number {
  return known.length + more;
}
