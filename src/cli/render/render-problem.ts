// Problems: a key or file that could not be handled, while the rest goes on.

import { visible } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";
import type { Problem } from "../../core/problem.ts";
import type { Output } from "./output.ts";

/** A line on stderr for people; an event for programs. */
export function tellProblem(problem: Problem, output: Output): void {
  if (output.json) output.event(problemRecord(problem));
  else warnOfProblem(problem, output);
}

/** A line on stderr for both, where stdout is for data. */
export function warnOfProblem(problem: Problem, output: Output): void {
  const { subject, message, failure } = problem;
  const text = `${visible(subject)}: ${visible(message)}`;
  if (failure) output.warn(`${output.stderr.red("failed")} ${text}`, problemRecord(problem));
  else output.note(`${output.stderr.yellow("note")} ${text}`);
}

/** A key that was asked for and is not there: a line on stderr for people, an event for programs. */
export function tellAbsent(key: Key, output: Output): void {
  if (output.json) output.event(absentRecord(key));
  else warnOfAbsent(key, output);
}

/** As {@link warnOfProblem}. */
export function warnOfAbsent(key: Key, output: Output): void {
  output.warn(`${output.stderr.yellow("absent")} ${visible(key)}`, absentRecord(key));
}

function absentRecord(key: Key): object {
  return { type: "absent", key };
}

function problemRecord({ code, subject, message, failure }: Problem): object {
  return { type: "problem", code, subject, message, failure };
}
