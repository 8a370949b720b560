// The files of one place that were not at rest when they were last looked at: since when each is seen to move, and when it is to
// be looked at again. It lives as long as its mapping is open, and is bounded: whoever does not find a file among them looks at
// everything again.

import type { Clock, DurationMs, MonotonicMs } from "../core/clock.ts";
import { type FileSignature, sameSignature } from "../core/entry.ts";
import type { Key } from "../core/key.ts";

interface MovingFile {
  signature: FileSignature;
  /** When it was first seen with this signature. */
  seenAt: MonotonicMs;
  /** When it was first seen to move, or was last let pass. */
  since: MonotonicMs;
  lookedAt: MonotonicMs;
  dueAt: MonotonicMs;
  /** It was at rest when it was last looked at: it is kept until the round is over, since it may move before it is read. */
  isAtRest: boolean;
  /** What it held since it was first seen to move was carried over, as it was. */
  wasCarried: boolean;
}

export interface RestingFile {
  readonly key: Key;
  readonly since: MonotonicMs;
  /** When it may be at rest. */
  readonly dueAt: MonotonicMs;
  /** A version of it was carried over since it began to move: of a file that never rests there is no newer one yet. */
  readonly wasCarried: boolean;
}

const FILES_MAX = 10_000;
/** Looks that are due within this time of each other are one. */
const TOGETHER_MS: DurationMs = 20;
/** A file that is let pass, and changed while it was read, is let pass again after this. */
const AGAIN_MS: DurationMs = 2000;

export class MovingFiles {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #files = new Map<Key, MovingFile>();

  constructor(clock: Clock, max: number = FILES_MAX) {
    this.#clock = clock;
    this.#max = max;
  }

  /** Whether it was not at rest, in this round or when it was last looked at. */
  has(key: Key): boolean {
    return this.#files.has(key);
  }

  /** Notes how a file looks now. `unchangedMs`: how long it has been seen to look so; `movingMs`: how long to move. */
  look(key: Key, signature: FileSignature): { readonly unchangedMs: DurationMs; readonly movingMs: DurationMs } {
    const now = this.#clock.monotonic();
    const file = this.#files.get(key);
    if (file === undefined) return { unchangedMs: 0, movingMs: 0 };
    if (!sameSignature(file.signature, signature)) Object.assign(file, { signature, seenAt: now });
    Object.assign(file, { lookedAt: now, isAtRest: false });
    return { unchangedMs: now - file.seenAt, movingMs: now - file.since };
  }

  /** It is not at rest, and is to be looked at again after `restMs`. False: there is no room for it. */
  postpone(key: Key, signature: FileSignature, restMs: DurationMs): boolean {
    const now = this.#clock.monotonic();
    const dueAt = (Math.ceil((now + restMs) / TOGETHER_MS) * TOGETHER_MS) as MonotonicMs;
    const file = this.#files.get(key);
    if (file !== undefined) file.dueAt = dueAt;
    else if (this.#files.size >= this.#max) return false;
    else {
      const times = { seenAt: now, since: now, lookedAt: now, dueAt };
      this.#files.set(key, { signature, ...times, isAtRest: false, wasCarried: false });
    }
    return true;
  }

  /** It moves, and is let pass as it is. */
  letPass(key: Key, stableMaxMs: DurationMs): void {
    const file = this.#files.get(key);
    if (file === undefined) return;
    const now = this.#clock.monotonic();
    file.since = (now - Math.max(0, stableMaxMs - AGAIN_MS)) as MonotonicMs;
    file.dueAt = (now + AGAIN_MS) as MonotonicMs;
  }

  /** What it held a moment ago was carried over. */
  carried(key: Key): void {
    const file = this.#files.get(key);
    if (file !== undefined) Object.assign(file, { since: this.#clock.monotonic(), wasCarried: true });
  }

  /** It is at rest. */
  rest(key: Key): void {
    const file = this.#files.get(key);
    if (file !== undefined) file.isAtRest = true;
  }

  /** Forgets the files that were at rest in a round, which began at `began`, and those that it did not meet: they are gone. `keys`:
   * it was about these alone. */
  roundEnded(began: MonotonicMs, keys?: readonly Key[]): void {
    for (const key of keys ?? this.#files.keys()) {
      const file = this.#files.get(key);
      if (file !== undefined && (file.isAtRest || file.lookedAt < began)) this.#files.delete(key);
    }
  }

  resting(): readonly RestingFile[] {
    const files = [...this.#files].filter(([, { isAtRest }]) => !isAtRest);
    return files.map(([key, { since, dueAt, wasCarried }]) => ({ key, since, dueAt, wasCarried }));
  }
}
