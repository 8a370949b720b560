// The watcher of one tree: what it does when. All of it happens in one loop, one thing after another: it reports what is
// pending, looks whether the root is still the same folder, and calls for a look at the files where the tree is polled. Which
// is so always (`watch: polling`), or (`watch: auto`) where the file system hides changes or the system cannot watch any more.
//
// Chokidar's own polling is not used: it would poll the folders only, since it is told of nothing else (watched-tree.ts), and it
// would keep the stats of each file in memory, which the journal has anyway. So a poll only says that it is time, and
// mapping/local-look.ts compares the files with the journal.
//
// Whatever may have been missed is covered in this order: see to it that everything is watched, then report a rescan. A scan
// that begins after that sees all that happened before, and events tell of all that happens later.

import { lstatSync } from "node:fs";
import { resolve } from "node:path";
import type { DurationMs } from "../../core/clock.ts";
import { AppError, assert } from "../../core/errors.ts";
import { nextTurn } from "../../replica/tree/event-loop.ts";
import { faultCode } from "../../replica/tree/fs-fault.ts";
import { readRootIdentity, type RootIdentity, rootMissing } from "../../replica/tree/tree-root.ts";
import { findHiddenChanges } from "./file-system.ts";
import { joinEventQueue } from "./event-queue.ts";
import { PendingChanges } from "./pending-changes.ts";
import { type Exhausted, RETRY_MS } from "./watch-fault.ts";
import { WatchedTree } from "./watched-tree.ts";
import type { Watcher, WatcherOptions } from "./watcher.ts";
import type { WatchState } from "../../mapping/status.ts";

export interface TreeWatcherOptions extends WatcherOptions {
  readonly quietMs: DurationMs;
  readonly maxQuietMs: DurationMs;
  readonly goneMs: DurationMs;
  readonly dirtyMax: number;
  /** A root that was replaced by way of a symbolic link, or mounted over, makes no event. */
  readonly rootCheckMs: DurationMs;
}

/** What changes in folders that are held back is seen this much later, if a round takes longer. */
const HELD_MS_MAX: DurationMs = 30_000;

const POLLING_MEANT = "watch: polling asks for it";

export class TreeWatcher implements Watcher {
  readonly #options: TreeWatcherOptions;
  readonly #root: string;
  readonly #pending: PendingChanges;
  readonly #folders: WatchedTree;
  readonly #leaveQueue: () => void;
  /** Which folder is the root; or why there is none. */
  #rootFound: RootIdentity | AppError;
  #exhausted: Exhausted | undefined;
  #rootCheckAt: number;
  #pollAt = Number.POSITIVE_INFINITY;
  #retryAt = Number.POSITIVE_INFINITY;
  /** When folders that are held back are watched, though what was told of them was not looked at. */
  #heldUntil = Number.POSITIVE_INFINITY;
  #refreshes: (() => void)[] = [];
  #isClosed = false;
  #alarm: AbortController | undefined;
  #alarmAt = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;

  constructor(options: TreeWatcherOptions) {
    assert(options.pollIntervalMs > 0, "a poll interval is longer than nothing");
    this.#options = options;
    this.#root = resolve(options.root);
    this.#pending = new PendingChanges(options);
    this.#folders = new WatchedTree({
      root: this.#root,
      ignorePaths: options.ignorePaths,
      isFolderIgnored: options.isFolderIgnored,
      events: {
        onChanged: (path) => {
          this.#pending.addPath(path, options.clock.monotonic());
          this.#wake();
        },
        onLost: (reason) => this.#noteRescan(reason, { reopen: true }),
        onUnreadable: (reason) => this.#noteRescan(reason, { reopen: false }),
        onExhausted: (fault) => {
          this.#exhausted ??= fault;
          this.#noteRescan(fault.reason, { reopen: true });
        },
      },
    });
    this.#leaveQueue = joinEventQueue(() => {
      if (this.#folders.isOpen) this.#noteRescan("more changed at once than the system tells of", { reopen: true });
    });
    this.#rootFound = this.#findRoot();
    this.#rootCheckAt = options.clock.monotonic() + options.rootCheckMs;
  }

  /** To be called once, before anything else. */
  async open(): Promise<void> {
    await this.#openFolders();
    this.#running = this.#run();
  }

  readonly state = (): WatchState => {
    const { mode, pollIntervalMs: everyMs, rootCheckMs, rescanIntervalMs } = this.#options;
    if (this.#rootFound instanceof AppError)
      return { kind: "polling", everyMs: rootCheckMs, reason: this.#rootFound.message, hint: this.#rootFound.hint };
    if (mode === "polling") return { kind: "polling", everyMs, reason: POLLING_MEANT, hint: undefined };
    if (this.#exhausted !== undefined) {
      const { reason, hint } = this.#exhausted;
      if (mode === "native") return { kind: "unwatched", everyMs: rescanIntervalMs, reason, hint };
      return { kind: "polling", everyMs, reason, hint };
    }
    const { watched, unreadable } = this.#folders;
    const state = { kind: "watching", folders: watched, unreadable, alsoPolling: undefined } as const;
    const reason = this.#blindness();
    if (reason === undefined) return state;
    if (mode === "native") return { ...state, seenLate: { everyMs: rescanIntervalMs, reason } };
    return { ...state, alsoPolling: { everyMs, reason } };
  };

  async refresh(): Promise<void> {
    if (this.#isClosed) return;
    await new Promise<void>((resolve) => {
      this.#refreshes.push(resolve);
      this.#alarm?.abort();
    });
  }

  readonly caughtUp = (): void => {
    const isAllTold = this.#pending.dueAt === Number.POSITIVE_INFINITY;
    if (isAllTold && this.#folders.isHolding && !this.#isClosed) this.#watchHeld();
  };

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#leaveQueue();
    this.#alarm?.abort();
    await this.#folders.close();
    await this.#running;
    await this.#folders.close();
    this.#endRefreshes();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      await this.#sleepUntil(this.#dueAt());
      if (!this.#isClosed) await this.#step();
    }
  }

  #dueAt(): number {
    if (this.#refreshes.length > 0) return 0;
    return Math.min(this.#pending.dueAt, this.#rootCheckAt, this.#pollAt, this.#retryAt, this.#heldUntil);
  }

  async #sleepUntil(dueAt: number): Promise<void> {
    const duration = dueAt - this.#options.clock.monotonic();
    if (duration <= 0) return;
    const alarm = new AbortController();
    this.#alarm = alarm;
    this.#alarmAt = dueAt;
    try {
      await this.#options.clock.sleep(duration, alarm.signal);
    } catch (error) {
      if (!alarm.signal.aborted) throw error;
    }
    this.#alarm = undefined;
  }

  async #step(): Promise<void> {
    const now = this.#options.clock.monotonic();
    const isDue = this.#pending.dueAt <= now;
    if (isDue || this.#rootCheckAt <= now) {
      const change = this.#followRoot(now);
      if (change !== undefined) {
        await this.#reopenAndRescan(change);
        return;
      }
    }
    if (this.#refreshes.length > 0) {
      this.#exhausted = undefined;
      await this.#watchAll();
      this.#endRefreshes();
    } else if (isDue) await this.#report();
    else if (this.#retryAt <= now) await this.#retry();
    else if (this.#heldUntil <= now) this.#watchHeld();
    else if (this.#pollAt <= now) this.#poll(now);
  }

  /** What to say about the root, if it is another one than before. */
  #followRoot(now: number): string | undefined {
    this.#rootCheckAt = now + this.#options.rootCheckMs;
    const before = this.#rootFound;
    const found = this.#findRoot();
    this.#rootFound = found;
    if (found instanceof AppError) return before instanceof AppError ? undefined : found.message;
    if (before instanceof AppError) return "the root is back";
    return before.device === found.device && before.inode === found.inode ? undefined : "the root was replaced";
  }

  #watchHeld(): void {
    this.#folders.watchHeld();
    this.#heldUntil = Number.POSITIVE_INFINITY;
    this.#limitHolding();
  }

  #limitHolding(): void {
    if (!this.#folders.isHolding) this.#heldUntil = Number.POSITIVE_INFINITY;
    else this.#heldUntil = Math.min(this.#heldUntil, this.#options.clock.monotonic() + HELD_MS_MAX);
  }

  async #report(): Promise<void> {
    this.#folders.checkDoubts();
    this.#limitHolding();
    const changes = this.#pending.takeDue(this.#options.clock.monotonic(), (path) => this.#exists(path));
    if (changes.kind === "rescan" && changes.reopen) await this.#reopenAndRescan(changes.reason);
    else if (changes.kind === "rescan") this.#rescan(changes.reason);
    else if (changes.paths.length > 0 && !this.#isClosed) this.#options.events.onDirty(changes.paths);
  }

  /** Also where that cannot be told: a look at the file will say why. */
  #exists(path: string): boolean {
    try {
      return lstatSync(`${this.#root}/${path}`, { throwIfNoEntry: false }) !== undefined;
    } catch (error) {
      faultCode(error);
      return true;
    }
  }

  #poll(now: number): void {
    this.#pollAt = now + this.#options.pollIntervalMs;
    if (!this.#isClosed && !(this.#rootFound instanceof AppError)) this.#options.events.onPoll();
  }

  /** Tries to watch again what could not be watched. */
  async #retry(): Promise<void> {
    this.#exhausted = undefined;
    await this.#reopen();
    if (!this.#isGivenUp()) this.#rescan("the folder can be watched again");
  }

  async #reopenAndRescan(reason: string): Promise<void> {
    await this.#watchAll();
    this.#rescan(reason);
  }

  /** To be followed by a rescan, by whoever called it. To look which folders are not watched costs a tenth of watching all
   * anew, which is left for when that does not do. */
  async #watchAll(): Promise<void> {
    await readQueue();
    this.#pending.takeAll();
    if (this.#options.mode === "polling" || !(await this.#folders.mend())) await this.#reopen();
  }

  #rescan(reason: string): void {
    if (!this.#isClosed) this.#options.events.onRescan(reason);
  }

  /** To be followed by a rescan, by whoever called it. */
  async #reopen(): Promise<void> {
    // The queue is read empty before and after the watches end: events only count while their watch is open, and how
    // full the queue was must be known.
    await readQueue();
    await this.#folders.close();
    await readQueue();
    this.#pending.takeAll();
    if (!this.#isClosed) await this.#openFolders();
  }

  async #openFolders(): Promise<void> {
    const isWatching = this.#options.mode !== "polling";
    if (isWatching && !(this.#rootFound instanceof AppError) && this.#exhausted === undefined) {
      await this.#folders.open();
      if (this.#isGivenUp()) {
        await this.#folders.close();
        this.#pending.takeAll();
      } else if (!this.#folders.isOpen && !this.#isClosed)
        this.#rootFound = rootMissing(this.#root, "it vanished while it was opened");
    }
    const now = this.#options.clock.monotonic();
    this.#pollAt = this.#polls() ? now + this.#options.pollIntervalMs : Number.POSITIVE_INFINITY;
    this.#retryAt = this.#isGivenUp() ? now + RETRY_MS : Number.POSITIVE_INFINITY;
  }

  #polls(): boolean {
    const { mode } = this.#options;
    if (mode !== "auto") return mode === "polling";
    return this.#isGivenUp() || this.#blindness() !== undefined;
  }

  #isGivenUp(): boolean {
    return this.#exhausted !== undefined;
  }

  /** Why some changes are not told, if so. */
  #blindness(): string | undefined {
    const name = findHiddenChanges(this.#root);
    return name === undefined ? this.#options.unwatched : `${name} does not tell of changes made elsewhere`;
  }

  #findRoot(): RootIdentity | AppError {
    try {
      return readRootIdentity(this.#root);
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
  }

  #noteRescan(reason: string, { reopen }: { readonly reopen: boolean }): void {
    this.#pending.addRescan({ reason, reopen }, this.#options.clock.monotonic());
    this.#wake();
  }

  #wake(): void {
    if (this.#pending.dueAt < this.#alarmAt) this.#alarm?.abort();
  }

  #endRefreshes(): void {
    for (const resolve of this.#refreshes) resolve();
    this.#refreshes = [];
  }
}

/** Resolves after this thread has read all that was in its queue of events. */
async function readQueue(): Promise<void> {
  // The first turn may already have read it.
  await nextTurn();
  await nextTurn();
}
