// What has changed and was not reported yet, and when it is to be. Bounded: too many paths become a rescan.
//
// A name that is gone is reported only when it has been gone for a while. Many editors save a file by taking it away and making
// it anew (vim, Emacs, JetBrains); what came of it in between is no removal.

import type { DurationMs } from "../../core/clock.ts";

export type Changes =
  | { readonly kind: "paths"; readonly paths: readonly string[] }
  | {
      readonly kind: "rescan";
      readonly reason: string;
      /** Folders may have been missed: that all are watched must be seen to before the rescan. */
      readonly reopen: boolean;
    };

export interface PendingLimits {
  readonly quietMs: DurationMs;
  readonly maxQuietMs: DurationMs;
  readonly dirtyMax: number;
  /** How long a name must be gone until that is reported. */
  readonly goneMs: DurationMs;
}

/** Whether there is something at `path`. */
type Exists = (path: string) => boolean;

export class PendingChanges {
  readonly #limits: PendingLimits;
  /** With the time of the last change. */
  readonly #paths = new Map<string, number>();
  /** Paths that were gone when they were due, and since when. */
  readonly #gone = new Map<string, number>();
  /** When the first of them is to be reported. */
  #goneDueAt = Number.POSITIVE_INFINITY;
  #rescan: { readonly reason: string; readonly reopen: boolean } | undefined;
  #firstAt = Number.POSITIVE_INFINITY;
  #lastAt = Number.POSITIVE_INFINITY;

  constructor(limits: PendingLimits) {
    this.#limits = limits;
  }

  /** A name, or a folder with all below it, which ends in "/". `now`: in milliseconds since any moment. */
  addPath(path: string, now: number): void {
    this.#note(now);
    if (this.#rescan !== undefined) return;
    this.#paths.set(path, now);
    if (this.#paths.size + this.#gone.size > this.#limits.dirtyMax)
      this.addRescan({ reason: `more than ${this.#limits.dirtyMax} paths changed at once`, reopen: false }, now);
  }

  addRescan({ reason, reopen }: { readonly reason: string; readonly reopen: boolean }, now: number): void {
    this.#note(now);
    this.#paths.clear();
    this.#forgetGone();
    this.#rescan = { reason: this.#rescan?.reason ?? reason, reopen: reopen || this.#rescan?.reopen === true };
  }

  /** When what is pending is to be reported; Infinity: nothing is pending. */
  get dueAt(): number {
    const changedAt = Math.min(this.#lastAt + this.#limits.quietMs, this.#firstAt + this.#limits.maxQuietMs);
    return Math.min(changedAt, this.#goneDueAt);
  }

  /** What is to be reported at `now`, which then is no longer pending. */
  takeDue(now: number, exists: Exists): Changes {
    if (this.#rescan !== undefined) return this.takeAll();
    const paths: string[] = [];
    for (const [path, changedAt] of this.#paths) {
      // A folder is looked at by name and as a whole.
      const isReported = path.endsWith("/") || this.#paths.has(`${path}/`) || exists(path);
      if (isReported) this.#gone.delete(path);
      if (isReported) paths.push(path);
      else if (!this.#gone.has(path)) this.#gone.set(path, changedAt);
    }
    this.#goneDueAt = Number.POSITIVE_INFINITY;
    for (const [path, goneAt] of this.#gone) {
      const dueAt = goneAt + this.#limits.goneMs;
      if (dueAt > now) this.#goneDueAt = Math.min(this.#goneDueAt, dueAt);
      else if (this.#gone.delete(path)) paths.push(path);
    }
    this.#clear();
    return { kind: "paths", paths: uncovered(paths) };
  }

  /** All that is pending, which then no longer is. */
  takeAll(): Changes {
    const changes: Changes =
      this.#rescan === undefined
        ? { kind: "paths", paths: uncovered([...this.#gone.keys(), ...this.#paths.keys()]) }
        : { kind: "rescan", ...this.#rescan };
    this.#forgetGone();
    this.#clear();
    return changes;
  }

  #forgetGone(): void {
    this.#gone.clear();
    this.#goneDueAt = Number.POSITIVE_INFINITY;
  }

  #clear(): void {
    this.#paths.clear();
    this.#rescan = undefined;
    this.#firstAt = this.#lastAt = Number.POSITIVE_INFINITY;
  }

  #note(now: number): void {
    this.#firstAt = Math.min(this.#firstAt, now);
    this.#lastAt = now;
  }
}

/** Those of `paths`, each once, that do not lie below a folder among them, which is reported as a whole. */
function uncovered(paths: readonly string[]): readonly string[] {
  const all = new Set(paths);
  return [...all].filter((path) => {
    for (let end = path.indexOf("/"); end >= 0 && end < path.length - 1; end = path.indexOf("/", end + 1))
      if (all.has(path.slice(0, end + 1))) return false;
    return true;
  });
}
