// What is to happen, and when: the one place where simulated time moves. Things happen one after the other, each at its
// own moment, however far time goes on in one go.

import type { SimClock } from "./sim-clock.ts";

export type Happening = () => Promise<void> | void;

export class Timeline {
  readonly clock: SimClock;
  readonly #startedAt: number;
  readonly #beforeMoving: () => void;
  #planned: { readonly at: number; readonly what: Happening }[] = [];
  #passing: Promise<void> = Promise.resolve();

  /** `beforeMoving`: told before time goes on, to take note of what was done until then. */
  constructor(clock: SimClock, beforeMoving: () => void) {
    this.clock = clock;
    this.#startedAt = clock.monotonic();
    this.#beforeMoving = beforeMoving;
  }

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return this.clock.monotonic() - this.#startedAt;
  }

  /** When something is to happen, or somebody's sleep is over; undefined: never. */
  next(): number | undefined {
    const due = this.clock.due();
    const planned = this.#planned[0]?.at;
    return due === undefined || planned === undefined ? (due ?? planned) : Math.min(due, planned);
  }

  plan(inMs: number, what: Happening): void {
    const at = this.clock.monotonic() + inMs;
    const index = this.#planned.findIndex((other) => other.at > at);
    this.#planned.splice(index < 0 ? this.#planned.length : index, 0, { at, what });
  }

  /** Time goes on to `at`, and what is to happen until then does. */
  pass(at: number): Promise<void> {
    const passed = this.#passing.then(async () => {
      this.#beforeMoving();
      for (;;) {
        const next = this.#planned[0];
        if (next === undefined || next.at > at) break;
        this.#planned.shift();
        this.clock.moveTo(next.at);
        await next.what();
        this.#beforeMoving();
      }
      this.clock.moveTo(at);
    });
    this.#passing = passed;
    return passed;
  }
}
