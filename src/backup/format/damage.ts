// What is said of an object of a repository that is missing, or not as it was written.

import { AppError } from "../../core/errors.ts";

/** `what`: `index/ab12...`; `why`: `is not as it was written`. */
export function damaged(what: string, why: string, cause?: unknown): AppError {
  return new AppError("repository-damaged", `${what} ${why}`, {
    hint: "see what else is damaged: kvsync check REPO --read-data",
    cause,
  });
}
