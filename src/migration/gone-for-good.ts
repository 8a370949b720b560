// What keeps one namespace from its end however often it is tried: it was deleted, at one side or the other, and ids never come back. The others
// of the migration go on, are compared, and the report says which one is not done.

import { AppError } from "../core/errors.ts";

export function isGoneForGood(error: unknown): error is AppError {
  return error instanceof AppError && error.code === "namespace-not-found";
}

/** Whether all that failed is gone for good. */
export function areGoneForGood(failures: ReadonlyMap<string, AppError>): boolean {
  return [...failures.values()].every(isGoneForGood);
}
