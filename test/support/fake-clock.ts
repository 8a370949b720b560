// A clock that tests move by hand: time passes only in `advance`, and chance comes from a seed.

import type { Clock, DurationMs, EpochMs, MonotonicMs } from "../../src/core/clock.ts";

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

export class FakeClock implements Clock {
  /** As the monotonic clock counts. */
  #now = 0;
  /** What the time of day is ahead of it. */
  #offset: number;
  #seed: number;
  #sleepers: Sleeper[] = [];

  constructor(options: { readonly now?: number; readonly seed?: number } = {}) {
    this.#offset = options.now ?? 1_800_000_000_000;
    this.#seed = options.seed ?? 1;
  }

  now(): EpochMs {
    return (this.#now + this.#offset) as EpochMs;
  }

  monotonic(): MonotonicMs {
    return this.#now as MonotonicMs;
  }

  /** Sets the time of day ahead by `duration`, or back: no sleeper notices. */
  jump(duration: DurationMs): void {
    this.#offset += duration;
  }

  /** mulberry32: small, seeded, good enough for jitter. */
  random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  sleep(duration: DurationMs, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const stop = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason as Error);
      };
      const wake = (): void => {
        signal?.removeEventListener("abort", stop);
        resolve();
      };
      const sleeper = { due: this.#now + duration, wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  /** How many sleeps are waiting. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** Moves time on, waking sleepers in the order in which they are due, and lets what they wake run. */
  async advance(duration: DurationMs): Promise<void> {
    const until = this.#now + duration;
    for (;;) {
      await settle();
      const next = this.#sleepers.filter((sleeper) => sleeper.due <= until).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.due);
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
      next.wake();
    }
    this.#now = until;
    await settle();
  }
}

/** Lets pending promise reactions and immediates run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
