// The folder that a drill keeps the restored values in. It is removed when the drill ends. What a killed drill has left is removed
// by the next one: each folder holds a lock that dies with its process, so a folder whose lock is free belongs to nobody.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { ioError } from "../config/read-file.ts";
import type { ByteCount } from "../core/clock.ts";
import { AppError, visible } from "../core/errors.ts";
import { renderByteCount } from "../core/units.ts";
import { openStateLock, type StateLock } from "../journal/lock.ts";

export interface DrillFolder {
  readonly path: string;
  /** Removes it. */
  close(): void;
}

const NAME = "drill-";
/** A folder may be taken for abandoned between its creation and its lock: then another one is made. */
const ATTEMPTS_MAX = 5;
/** In use by this process, which must not try their locks: to close a file again ends its process's locks on it. */
const ours = new Set<string>();

/** Throws AppError "disk-full" if `parent` has no room for `bytesNeeded`, "io" if it cannot be used. */
export function openDrillFolder(parent: string, bytesNeeded: ByteCount): DrillFolder {
  try {
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    removeAbandoned(parent);
    checkRoom(parent, bytesNeeded);
    for (let attempt = 1; ; attempt++) {
      const folder = tryOpen(parent, attempt === ATTEMPTS_MAX);
      if (folder !== undefined) return folder;
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw ioError(error, `could not make a folder for the drill in ${visible(parent)}`);
  }
}

/** Undefined: another process took it for abandoned. */
function tryOpen(parent: string, isLast: boolean): DrillFolder | undefined {
  const path = mkdtempSync(join(parent, NAME));
  let lock: StateLock | undefined;
  ours.add(path);
  try {
    lock = openStateLock(path);
    lock.check();
    const held = lock;
    return { path, close: () => removeLocked(path, held) };
  } catch (error) {
    ours.delete(path);
    lock?.close();
    if (isLast || !(error instanceof AppError) || (error.code !== "locked" && error.code !== "state-removed"))
      throw error;
    return undefined;
  }
}

function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    if (!name.startsWith(NAME) || ours.has(path)) continue;
    let lock: StateLock;
    try {
      lock = openStateLock(path);
    } catch (error) {
      if (error instanceof AppError && error.code === "locked") continue;
      throw error;
    }
    removeLocked(path, lock);
  }
}

/** The lock is let go of last: whoever waits for it then finds it gone. */
function removeLocked(path: string, lock: StateLock): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } finally {
    lock.close();
    ours.delete(path);
  }
}

function checkRoom(parent: string, needed: ByteCount): void {
  const { bavail, bsize } = statfsSync(parent);
  const free = bavail * bsize;
  if (free >= needed) return;
  const message = `a drill of this snapshot needs about ${renderByteCount(needed)}, and ${visible(parent)} has ${renderByteCount(free)} left`;
  throw new AppError("disk-full", message, { hint: "name a folder on a larger disk: --folder FOLDER" });
}

/** Where the folders of drills are made unless somebody says otherwise. */
export function drillParent(stateDir: string): string {
  return join(stateDir, "drills");
}
