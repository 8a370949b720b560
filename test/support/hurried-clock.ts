// A clock whose sleeps are over at once, and time has passed: what waits for minutes runs in milliseconds, against real
// servers, without anyone moving the clock by hand.

import type { Clock, DurationMs, EpochMs, MonotonicMs } from "../../src/core/clock.ts";
import { FakeClock } from "./fake-clock.ts";

export class HurriedClock implements Clock {
  #now: number;
  /** What the time of day is ahead of where it would be. */
  #jumped = 0;
  readonly #chance: FakeClock;
  /** All sleeps so far, in milliseconds. */
  readonly slept: number[] = [];

  constructor(options: { readonly now?: number; readonly seed?: number } = {}) {
    this.#now = options.now ?? 1_800_000_000_000;
    this.#chance = new FakeClock({ seed: options.seed ?? 1 });
  }

  now(): EpochMs {
    return (this.#now + this.#jumped) as EpochMs;
  }

  monotonic(): MonotonicMs {
    return this.#now as MonotonicMs;
  }

  /** Sets the time of day ahead by `duration`, or back: no sleeper notices. */
  jump(duration: DurationMs): void {
    this.#jumped += duration;
  }

  random(): number {
    return this.#chance.random();
  }

  async sleep(duration: DurationMs, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.slept.push(duration);
    const due = this.#now + duration;
    // A macrotask, so that answers which are on their way arrive first.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    this.#now = Math.max(this.#now, due);
  }
}
