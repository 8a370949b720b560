// Whether the kernel lets the daemon watch all folders: inotify wants one watch a folder, of which each user has so many.

import { count } from "../../core/counted.ts";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Check, ok, warn } from "./check.ts";

/** Counting goes on for so long; beyond it the number is a lower bound. */
const FOLDERS_COUNTED_MAX = 100_000;
/** Other programs of this user (editors, file managers) watch too. */
const SHARE_MAX = 0.5;

/** Undefined where there is no inotify. */
export function checkWatches(folders: readonly string[]): Check | undefined {
  const limit = readLimit("max_user_watches");
  const instances = readLimit("max_user_instances");
  if (limit === undefined || instances === undefined) return undefined;
  const subject = "watching";
  const wanted = countFolders(folders);
  const shown = `${wanted >= FOLDERS_COUNTED_MAX ? "over " : ""}${count(wanted)} ${wanted === 1 ? "folder" : "folders"}`;
  if (wanted > limit * SHARE_MAX) {
    return warn(
      subject,
      `${shown} to watch, and the kernel allows this user ${count(limit)} watches; folders without one are polled`,
      `sudo sysctl fs.inotify.max_user_watches=${Math.max(limit * 2, wanted * 4)}`,
    );
  }
  if (instances < 128)
    return warn(
      subject,
      `the kernel allows this user only ${instances} inotify instances, which editors and containers use too`,
      "sudo sysctl fs.inotify.max_user_instances=512",
    );
  return ok(subject, `${shown}; the kernel allows ${count(limit)} watches`);
}

function readLimit(name: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/sys/fs/inotify/${name}`, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function countFolders(roots: readonly string[]): number {
  const waiting = [...roots];
  let counted = 0;
  for (let folder = waiting.pop(); folder !== undefined && counted < FOLDERS_COUNTED_MAX; folder = waiting.pop()) {
    try {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.isDirectory()) waiting.push(join(folder, entry.name));
      }
      counted++;
    } catch (error) {
      // What cannot be read is not watched either; the folder's own check tells of it.
      if (!(error instanceof Error && "syscall" in error)) throw error;
    }
  }
  return counted;
}
