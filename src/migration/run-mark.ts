// Whether a process works on a migration: it holds a lock in the migration's folder, which dies with it whatever kills it. Whoever wants to know
// tries that lock for a moment, and not the one of the state folder: another command that starts just then would be told that
// the state folder is in use.
//
// Only a process that runs is asked for something by a file. So what such a file asks for before the lock is taken was meant for a run that
// is over, or killed.

import { rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock, DurationMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { awaitStateLock, openStateLock, type StateLock } from "../journal/lock.ts";
import type { MigrationFolder, MigrationRequest } from "./migration-folder.ts";
import { isOver, type MigrationRecord } from "./migration-record.ts";

export interface RunMark {
  /** What was asked of an earlier run, which did not come to it, and is not asked of this one. */
  readonly forgotten: readonly MigrationRequest[];
  close(): void;
}

/** Longer than anybody looks. */
const LOOK_MS_MAX: DurationMs = 5000;

/** To be called under the lock of the state folder. */
export async function openRunMark(
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  folder: Pick<MigrationFolder, "path" | "read" | "clearRequests">,
): Promise<RunMark> {
  const forgotten = folder.clearRequests(requestsToForget(folder.read()));
  const lock = await awaitStateLock(folder.path, { clock, signal, waitMs: LOOK_MS_MAX });
  return {
    forgotten,
    close() {
      lock.close();
      // A migration that was not begun leaves no folder.
      if (folder.read() === undefined) removeEmpty(folder.path);
    },
  };
}

/** Who types the command of a migration wants it to go on, whatever an abort before that did not come to. The cut-over is one for good: writers
 * have been stopped for it. Over, nothing is left to be asked for. */
export function requestsToForget(record: Pick<MigrationRecord, "state"> | undefined): readonly MigrationRequest[] {
  return record === undefined || isOver(record) ? ["abort", "cutover"] : ["abort"];
}

export function isRunning(folder: Pick<MigrationFolder, "path">): boolean {
  return !whileIdle(folder, () => undefined);
}

/** Does `work` while no process can begin to work on the migration. False: one does already, and `work` was not done. */
export function whileIdle({ path }: Pick<MigrationFolder, "path">, work: () => void): boolean {
  let lock: StateLock;
  try {
    lock = openStateLock(path);
  } catch (error) {
    if (error instanceof AppError && error.code === "locked") return false;
    throw error;
  }
  try {
    work();
    return true;
  } finally {
    lock.close();
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
