// What is said of an object of a repository that is missing, or not as it was written.

import { AppError } from "../../core/errors.ts";

interface DamageFacts {
  /** The label of the repository; undefined: it is not known here, and who knows it tells what to type. */
  readonly repository?: string;
  /** In place of what finds out more. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** `what`: `index/ab12...`; `why`: `is not as it was written`. */
export function damaged(what: string, why: string, { repository, hint, cause }: DamageFacts = {}): AppError {
  const more = repository && `see what else is damaged: kvsync check ${repository} --read-data`;
  const advice = hint ?? more;
  return new AppError("repository-damaged", `${what} ${why}`, { ...(advice !== undefined && { hint: advice }), cause });
}

/** Of an object that is written once: nothing else in the repository tells what was in it. */
export const PUT_BACK = "put it back from a copy of the repository: it is written once, and never changes";
