// What has changed and was not reported yet, and when it is to be. Bounded: too many paths become a rescan.

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
}

export class PendingChanges {
  readonly #limits: PendingLimits;
  readonly #paths = new Set<string>();
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
    this.#paths.add(path);
    if (this.#paths.size > this.#limits.dirtyMax)
      this.addRescan({ reason: `more than ${this.#limits.dirtyMax} paths changed at once`, reopen: false }, now);
  }

  addRescan({ reason, reopen }: { readonly reason: string; readonly reopen: boolean }, now: number): void {
    this.#note(now);
    this.#paths.clear();
    this.#rescan = { reason: this.#rescan?.reason ?? reason, reopen: reopen || this.#rescan?.reopen === true };
  }

  /** When what is pending is to be reported; Infinity: nothing is pending. */
  get dueAt(): number {
    return Math.min(this.#lastAt + this.#limits.quietMs, this.#firstAt + this.#limits.maxQuietMs);
  }

  /** All that is pending, which then no longer is. */
  take(): Changes {
    const changes: Changes =
      this.#rescan === undefined
        ? { kind: "paths", paths: [...this.#paths].filter((path) => !this.#isCovered(path)) }
        : { kind: "rescan", ...this.#rescan };
    this.#paths.clear();
    this.#rescan = undefined;
    this.#firstAt = this.#lastAt = Number.POSITIVE_INFINITY;
    return changes;
  }

  #note(now: number): void {
    this.#firstAt = Math.min(this.#firstAt, now);
    this.#lastAt = now;
  }

  /** Whether `path` lies below a folder that is reported as a whole. */
  #isCovered(path: string): boolean {
    for (let end = path.indexOf("/"); end >= 0 && end < path.length - 1; end = path.indexOf("/", end + 1))
      if (this.#paths.has(path.slice(0, end + 1))) return true;
    return false;
  }
}
