// A clock whose sleeps are over at once, and time has passed: what waits for minutes runs in milliseconds, against real
// servers, without anyone moving the clock by hand.

import type { Clock, DurationMs, EpochMs } from "../../src/core/clock.ts";
import { FakeClock } from "./fake-clock.ts";

export class HurriedClock implements Clock {
  #now: number;
  readonly #chance: FakeClock;
  /** All sleeps so far, in milliseconds. */
  readonly slept: number[] = [];

  constructor(options: { readonly now?: number; readonly seed?: number } = {}) {
    this.#now = options.now ?? 1_800_000_000_000;
    this.#chance = new FakeClock({ seed: options.seed ?? 1 });
  }

  now(): EpochMs {
    return this.#now as EpochMs;
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
