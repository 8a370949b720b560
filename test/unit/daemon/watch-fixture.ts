// What the tests of the watcher share: a tree on disk, and promises that resolve with its reports.

import { appendFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Watcher, type WatcherOptions } from "../../../src/daemon/watch/watcher.ts";
import { openWatcher } from "../../../src/daemon/watch/open-watcher.ts";
import { HastyClock } from "./watch-clock.ts";

/** An empty folder that is removed after the test. */
export function makeFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "kvsync-watch-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Reports {
  readonly paths: Set<string>;
  readonly rescans: string[];
  /** How many times anything was reported. */
  count: number;
}

export interface Watched {
  readonly watcher: Watcher;
  readonly clock: HastyClock;
  /** All that was reported since it was opened, or since the last `forget`. */
  readonly seen: Reports;
  /** How many times it called for a look, of which nothing is told. */
  readonly polls: () => number;
  /** Resolves as soon as `condition` holds for what was seen. */
  until(condition: (seen: Reports & { readonly polls: number }) => boolean): Promise<void>;
  /** Resolves when `path` was reported, by its own name. */
  untilPath(path: string): Promise<void>;
  /** Resolves when anything was reported that makes one look at `path`: its name, a folder it is in, or a rescan. */
  untilTold(path: string): Promise<void>;
  forget(): void;
}

/** A watcher of `root` that is closed after the test. */
export async function watchTree(root: string, options: Partial<WatcherOptions> = {}): Promise<Watched> {
  const clock = new HastyClock();
  const seen: Reports = { paths: new Set(), rescans: [], count: 0 };
  let polls = 0;
  const waiting = new Set<() => void>();
  const reported = (): void => {
    seen.count++;
    for (const look of waiting) look();
  };
  const watcher = await openWatcher({
    clock,
    root,
    ignorePaths: [],
    mode: "auto",
    pollIntervalMs: 1000,
    rescanIntervalMs: 60_000,
    ...options,
    events: {
      onDirty: (paths) => {
        for (const path of paths) seen.paths.add(path);
        options.events?.onDirty(paths);
        reported();
      },
      onRescan: (reason) => {
        seen.rescans.push(reason);
        options.events?.onRescan(reason);
        reported();
      },
      onPoll: () => {
        polls++;
        options.events?.onPoll();
        reported();
      },
    },
  });
  onTestFinished(() => watcher.close());
  const until: Watched["until"] = (condition) =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!condition({ ...seen, polls })) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return {
    watcher,
    clock,
    seen,
    polls: () => polls,
    until,
    untilPath: (path) => until(({ paths }) => paths.has(path)),
    untilTold: (path) =>
      until(
        ({ paths, rescans }) =>
          rescans.length > 0 ||
          [...paths].some((each) => each === path || (each.endsWith("/") && path.startsWith(each))),
      ),
    forget: () => {
      seen.paths.clear();
      seen.rescans.length = 0;
      polls = 0;
      seen.count = 0;
    },
  };
}

export function makeFolders(root: string, paths: readonly string[]): void {
  for (const path of paths) mkdirSync(join(root, path), { recursive: true });
}

/** Nothing is locked for the superuser, who many a test is run by. */
export function withoutPrivileges(): void {
  if (process.geteuid?.() !== 0) return;
  process.seteuid?.(65_534);
  onTestFinished(() => process.seteuid?.(0));
}

/** Resolves when what is written to the file `path` is told by its own name. What happens in a folder before it is watched
 * is told by the name of that folder. */
export async function untilFollowed(root: string, watched: Watched, path: string): Promise<void> {
  do {
    watched.forget();
    appendFileSync(join(root, path), "x");
    await watched.untilTold(path);
  } while (!watched.seen.paths.has(path));
}
