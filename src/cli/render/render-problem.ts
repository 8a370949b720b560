// Problems: a key or file that could not be handled, while the rest goes on.

import { visible } from "../../core/errors.ts";
import type { Problem } from "../../core/problem.ts";
import type { Output } from "./output.ts";

/** A line on stderr for people; an event for programs. */
export function tellProblem(problem: Problem, output: Output): void {
  warnOfProblem(problem, output);
  const { code, subject, message, failure } = problem;
  output.event({ type: "problem", code, subject, message, failure });
}

/** The line alone, where stdout is for data. */
export function warnOfProblem({ subject, message, failure }: Problem, output: Output): void {
  const text = `${visible(subject)}: ${visible(message)}`;
  if (failure) output.warn(`${output.stderr.red("failed")} ${text}`);
  else output.note(`${output.stderr.yellow("note")} ${text}`);
}
