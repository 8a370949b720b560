// What a round may fail with: operations that failed, which a mapping waits out and tries again; or bugs, which end the
// process.

import { AppError } from "../core/errors.ts";
import { isDamage } from "../journal/journal.ts";

/** `error` as an operation that failed; undefined if it is a bug. SQLite and the file system fail with errors of their own:
 * a full disk, say, which is no bug, and passes. */
export function operationErrorOf(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (isDamage(error)) {
    return new AppError("state-damaged", `the journal is damaged: ${message}`, {
      hint: "kvsync run begins a new one; or move it away: what is synced without it deletes nothing",
      cause: error,
    });
  }
  if (code === "ERR_SQLITE_ERROR") {
    return new AppError("io", `the journal cannot be used: ${message}`, {
      hint: "check that the disk of the state folder has room and is healthy",
      retryable: true,
      cause: error,
    });
  }
  if (typeof syscall !== "string") return undefined;
  return new AppError("io", `the file system refused: ${message}`, {
    hint: "check that the disk has room, and that this user may use the folder",
    retryable: true,
    cause: error,
  });
}
