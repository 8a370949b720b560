// Opens the watcher of a folder, with the waits that suit people and their editors.

import type { DurationMs } from "../../core/clock.ts";
import { GONE_MS } from "../../replica/tree/scan/lookup-keys.ts";
import { TreeWatcher } from "./tree-watcher.ts";
import type { Watcher, WatcherOptions } from "./watcher.ts";

/** `watch: off`: nothing is watched, and nothing is told. */
export function openNoWatcher(everyMs: DurationMs): Watcher {
  return {
    state: () => ({ kind: "off", everyMs }),
    refresh: async () => {},
    caughtUp: () => {},
    close: async () => {},
  };
}

/** More paths than this are reported as a rescan, which is cheaper then. */
const DIRTY_MAX = 10_000;

/** Long enough for an editor to write, rename and remove; too short to be noticed. */
const QUIET_MS: DurationMs = 100;
const MAX_QUIET_MS: DurationMs = 1000;
/** One `stat`. */
const ROOT_CHECK_MS: DurationMs = 2000;
/** What is to be seen soon, since it is done on purpose. */
export const SWAPPED_ROOT_CHECK_MS: DurationMs = 500;

/** Watches all folders below `root`, or polls where that is not possible: never throws for what it finds. Changes from
 * before the promise resolves may go unreported: scan after it. */
export async function openWatcher(options: WatcherOptions): Promise<Watcher> {
  const { quietMs = QUIET_MS, maxQuietMs = MAX_QUIET_MS, goneMs = GONE_MS, rootCheckMs = ROOT_CHECK_MS } = options;
  const watcher = new TreeWatcher({ ...options, quietMs, maxQuietMs, goneMs, rootCheckMs, dirtyMax: DIRTY_MAX });
  await watcher.open();
  return watcher;
}
