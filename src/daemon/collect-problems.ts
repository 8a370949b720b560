// The problems of one round, up to a bound, and how many of them pass by themselves.

import type { Problem, ProblemCode } from "../core/problem.ts";

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
const KEPT_MAX = 20;

export interface ProblemCollection {
  /** Failures, the first of them. */
  readonly kept: readonly Problem[];
  readonly add: (problem: Problem) => void;
  /** How many of them may do better when tried again. */
  readonly transient: () => number;
}

export function collectProblems(): ProblemCollection {
  const kept: Problem[] = [];
  let transient = 0;
  return {
    kept,
    add: (problem) => {
      if (TRANSIENT.has(problem.code)) transient++;
      if (problem.failure && kept.length < KEPT_MAX) kept.push(problem);
    },
    transient: () => transient,
  };
}
