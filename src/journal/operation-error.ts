// What SQLite and the file system fail with, as operations that failed: a full disk, a damaged journal, a folder that
// cannot be written. None is a bug.

import { AppError, type ErrorCode } from "../core/errors.ts";
import { BUSY, FULL, LOCKED, sqliteCodeOf } from "../core/sqlite-code.ts";

const DAMAGE_HINT = "kvsync run and kvsync sync begin a new one; what is synced without it deletes nothing";

/** By the primary result code. */
const bySqliteCode: ReadonlyMap<number, readonly [ErrorCode, string, string]> = new Map([
  [BUSY, ["locked", "the journal is in use by another process", "wait for it to end, and run again"]],
  [LOCKED, ["locked", "the journal is in use by another process", "wait for it to end, and run again"]],
  [8, ["io", "the journal cannot be written", "let this user write to the state folder"]],
  [11, ["state-damaged", "the journal is damaged", DAMAGE_HINT]],
  [FULL, ["disk-full", "the journal cannot be written, since its disk is full", "make room there, and run again"]],
  [14, ["io", "the journal cannot be opened", "let this user write to the state folder"]],
  [26, ["state-damaged", "the journal is damaged", DAMAGE_HINT]],
]);

/** What SQLite says where the tables themselves are not those that it should find: the pages with the schema are damaged. */
const SCHEMA_DAMAGE = /^(no such (table|column|index)|(table|index) \S+ already exists|.*has \d+ columns but)/;

/** Whether `error` is SQLite's, and says that the file is damaged. */
export function isDamage(error: unknown): boolean {
  return sqliteFailure(error)?.[0] === "state-damaged";
}

function sqliteFailure(error: unknown): readonly [ErrorCode, string, string] | undefined {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const result = sqliteCodeOf(error);
  if (result !== undefined) {
    const known = bySqliteCode.get(result);
    if (known !== undefined) return known;
    if (SCHEMA_DAMAGE.test(String(message))) return bySqliteCode.get(11);
  }
  if (code !== "ERR_SQLITE_ERROR") return undefined;
  return ["io", "the journal cannot be used", "check that the disk of the state folder has room and is healthy"];
}

/** `error` as an operation that failed; undefined if it is a bug. */
export function operationErrorOf(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  const sqlite = sqliteFailure(error);
  const { code, syscall, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (sqlite !== undefined) {
    const [kind, what, hint] = sqlite;
    return new AppError(kind, `${what}: ${message}`, { hint, retryable: kind !== "state-damaged", cause: error });
  }
  if (typeof syscall !== "string") return undefined;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  return new AppError(isFull ? "disk-full" : "io", `the file system refused: ${message}`, {
    hint: isFull ? "make room on the disk, and run again" : "check that this user may use the file or folder",
    retryable: true,
    cause: error,
  });
}
