// Simulated time. It stands still while anything runs, and moves only when the world says so: from one thing that is due to
// the next, so that a month takes as long as the work in it.

import type { Clock, DurationMs, EpochMs, MonotonicMs } from "../../src/core/clock.ts";

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

export class SimClock implements Clock {
  readonly #chance: () => number;
  readonly #sleepers = new Set<Sleeper>();
  #now: number;
  /** What the time of day is ahead of where it would be. */
  #jumped = 0;

  /** Begins at the true time, since the times of files are those of the kernel. */
  constructor(chance: () => number) {
    this.#now = Date.now();
    this.#chance = chance;
  }

  now(): EpochMs {
    return Math.floor(this.#now + this.#jumped) as EpochMs;
  }

  monotonic(): MonotonicMs {
    return this.#now as MonotonicMs;
  }

  /** Sets the time of day ahead by `duration`, or back: no sleeper notices. */
  jump(duration: DurationMs): void {
    this.#jumped += duration;
  }

  random(): number {
    return this.#chance();
  }

  sleep(duration: DurationMs, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const stop = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason as Error);
      };
      const wake = (): void => {
        signal?.removeEventListener("abort", stop);
        resolve();
      };
      const sleeper = { due: this.#now + duration, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  /** When the next sleep is over; undefined: nobody sleeps. */
  due(): number | undefined {
    let least: number | undefined;
    for (const { due } of this.#sleepers) if (least === undefined || due < least) least = due;
    return least;
  }

  /** Moves time on to `at`, never back, and wakes whose sleep is over. */
  moveTo(at: number): void {
    this.#now = Math.max(this.#now, at);
    for (const sleeper of [...this.#sleepers].sort((a, b) => a.due - b.due)) {
      if (sleeper.due > this.#now) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
  }
}

/** The same time as told by a clock that is right always: somebody else's. */
export function rightClock(clock: SimClock): Clock {
  return {
    now: () => Math.floor(clock.monotonic()) as EpochMs,
    monotonic: () => clock.monotonic(),
    sleep: (duration, signal) => clock.sleep(duration, signal),
    random: () => clock.random(),
  };
}

/** mulberry32: small and seeded. */
export function chanceOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
