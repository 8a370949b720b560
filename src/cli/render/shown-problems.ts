// The problems of a round, a line each: the first few of each kind, since a disk that is read-only makes one of every key, and a
// number for the rest.

import { count } from "../../core/counted.ts";
import { visible } from "../../core/errors.ts";
import type { Problem, ProblemCode } from "../../core/problem.ts";
import type { Context } from "../context.ts";

export interface ShownProblems {
  readonly tell: (problem: Problem) => void;
  /** Says how many were not shown. */
  finish(): void;
}

const SHOWN_MAX = 50;
/** Of problems with the same code and message. */
const ALIKE_MAX = 10;
/** Kinds that are counted apart. */
const KINDS_MAX = 20;

export function openShownProblems({ output, options }: Pick<Context, "output" | "options">): ShownProblems {
  const all = options.verbose === true;
  /** By code and message: how many there were, and how many of them were not shown. */
  const kinds = new Map<string, { seen: number; hidden: number }>();
  let shown = 0;
  let others = 0;
  const notices = new Map<ProblemCode, number>();

  const isShown = ({ code, message }: Problem): boolean => {
    const name = `${visible(message)} (${code})`;
    const kind = kinds.get(name) ?? { seen: 0, hidden: 0 };
    if (kinds.size < KINDS_MAX) kinds.set(name, kind);
    kind.seen++;
    if (all || (shown < SHOWN_MAX && kind.seen <= ALIKE_MAX)) return true;
    if (kinds.has(name)) kind.hidden++;
    else others++;
    return false;
  };
  return {
    tell(problem) {
      const { code, subject, message, failure, keys } = problem;
      if (output.json)
        return output.event({ type: "problem", code, subject, message, failure, ...(keys !== undefined && { keys }) });
      // It is no key that was left out.
      if (code === "names-alike") return output.note(`  note: ${visible(message)}`);
      if (!failure) {
        notices.set(code, (notices.get(code) ?? 0) + 1);
        return output.detail(`  ${visible(subject)}: ${message} (${code})`);
      }
      if (!isShown(problem)) return;
      shown++;
      output.warn(`  ${output.stderr.red("!")} ${visible(subject)}: ${visible(message)} (${code})`);
    },
    finish() {
      if (all) return;
      for (const [name, { hidden }] of kinds) {
        if (hidden > 0) output.warn(`  ... and ${count(hidden)} more: ${name} (-v shows all)`);
      }
      if (others > 0) output.warn(`  ... and ${count(others)} more problems (-v shows all)`);
      const skipped = [...notices].map(([code, found]) => `${count(found)} ${NOTICES[code] ?? code}`);
      if (skipped.length > 0) output.note(`  skipped: ${skipped.join(", ")} (-v names them)`);
    },
  };
}

/** What a notice of each kind is about, after a number. */
const NOTICES: { readonly [code in ProblemCode]?: string } = {
  "not-a-file": "no files (links, sockets, devices)",
  "name-reserved": "with names of kvsync's own",
  "changed-while-reading": "that vanished meanwhile",
  expired: "about to expire",
};
