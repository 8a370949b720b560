// Whether the process that works on a migration is alive: then it holds the lock on the state folder.

import { AppError } from "../../core/errors.ts";
import { isAlive, openStateLock } from "../../journal/lock.ts";
import type { MigrationRecord } from "../../migration/migration-record.ts";

export function isRunning(stateDir: string, { pid }: MigrationRecord): boolean {
  try {
    openStateLock(stateDir).close();
    return false;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "locked") throw error;
    // Another kvsync may hold the lock.
    return isAlive(pid);
  }
}
