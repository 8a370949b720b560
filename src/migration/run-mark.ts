// Whether a process works on a migration: it holds a lock in the migration's folder, which dies with it whatever kills it. Whoever wants to know
// tries that lock for a moment, and not the one of the state folder: another command that starts just then would be told that
// the state folder is in use.

import { rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock, DurationMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { awaitStateLock, openStateLock } from "../journal/lock.ts";
import type { MigrationFolder } from "./migration-folder.ts";

export interface RunMark {
  close(): void;
}

/** Longer than anybody looks. */
const LOOK_MS_MAX: DurationMs = 5000;

/** To be called under the lock of the state folder. */
export async function openRunMark(
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  folder: Pick<MigrationFolder, "path" | "read">,
): Promise<RunMark> {
  const lock = await awaitStateLock(folder.path, { clock, signal, waitMs: LOOK_MS_MAX });
  return {
    close() {
      lock.close();
      // A migration that was not begun leaves no folder.
      if (folder.read() === undefined) removeEmpty(folder.path);
    },
  };
}

export function isRunning({ path }: Pick<MigrationFolder, "path">): boolean {
  try {
    openStateLock(path).close();
    return false;
  } catch (error) {
    if (error instanceof AppError && error.code === "locked") return true;
    throw error;
  }
}

function removeEmpty(path: string): void {
  rmSync(join(path, "lock.sqlite"), { force: true });
  try {
    rmdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw error;
  }
}
