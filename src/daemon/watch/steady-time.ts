// Time that never goes back: a clock that is set back by an hour must not make what is due wait for that hour.

import type { Clock } from "../../core/clock.ts";

export class SteadyTime {
  readonly #clock: Clock;
  #last: number;
  #lag = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#last = clock.now();
  }

  /** Milliseconds; only the difference of two of them means anything. */
  now(): number {
    const now = this.#clock.now();
    if (now < this.#last) this.#lag += this.#last - now;
    this.#last = now;
    return now + this.#lag;
  }
}
