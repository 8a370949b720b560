// The failures of one round, up to a bound, and how many of them pass by themselves.

import type { Problem, ProblemCode } from "../core/problem.ts";
import { STANDING_MAX } from "./standing-problems.ts";

/** A file being written, a listing that lags, a disk that is full for a while. */
const TRANSIENT: ReadonlySet<ProblemCode> = new Set([
  "changed-while-reading",
  "changed-on-disk",
  "write-failed",
  "unreadable",
  "stale-read",
  "vanished",
  "unconfirmed",
]);

export interface ProblemCollection {
  /** Failures, the first of them. */
  readonly kept: readonly Problem[];
  readonly add: (problem: Problem) => void;
  /** How many failures there were besides. */
  readonly more: () => number;
  /** How many problems may do better when tried again. */
  readonly transient: () => number;
}

export function collectProblems(): ProblemCollection {
  const kept: Problem[] = [];
  let transient = 0;
  let more = 0;
  return {
    kept,
    add: (problem) => {
      if (passesByItself(problem)) transient++;
      if (!problem.failure) return;
      if (kept.length < STANDING_MAX) kept.push(problem);
      else more++;
    },
    more: () => more,
    transient: () => transient,
  };
}

/** Whether a problem may go without anyone doing anything. */
export function passesByItself({ code }: Problem): boolean {
  return TRANSIENT.has(code);
}
