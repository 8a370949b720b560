// A clock in a hurry, for tests of what the kernel does in real time.

import { setTimeout as sleep } from "node:timers/promises";
import type { Clock, DurationMs, EpochMs, MonotonicMs } from "../../../src/core/clock.ts";

/** The kernel's events come in real time, so this clock runs in real time too, but faster. */
export class HastyClock implements Clock {
  readonly #start = performance.now();
  readonly #haste: number;
  /** How many sleeps are waiting. */
  sleeping = 0;

  constructor(haste = 20) {
    this.#haste = haste;
  }

  now(): EpochMs {
    return (1_800_000_000_000 + this.monotonic()) as EpochMs;
  }

  monotonic(): MonotonicMs {
    return ((performance.now() - this.#start) * this.#haste) as MonotonicMs;
  }

  random(): number {
    return 0.5;
  }

  async sleep(duration: DurationMs, signal?: AbortSignal): Promise<void> {
    this.sleeping++;
    try {
      await sleep(duration / this.#haste, undefined, signal === undefined ? {} : { signal });
    } finally {
      this.sleeping--;
    }
  }
}
