// One process a state folder. The lock is SQLite's own on a file beside the journal: it dies with its process, whatever
// kills that, so there is never a stale lock to remove by hand.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AppError } from "../core/errors.ts";

export interface StateLock {
  close(): void;
}

/** Throws AppError `locked` if another process holds it. */
export function openStateLock(stateDir: string): StateLock {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(stateDir, "lock.sqlite"), { timeout: 0 });
  try {
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw new AppError("locked", `another kvsync is working with the state folder ${stateDir}`, {
      hint: "wait for it to end, or stop it; `kvsync status` asks a running daemon what it does",
      retryable: true,
      cause: error,
    });
  }
  return { close: () => database.close() };
}

/** sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;
