// The real clock. Only a process's entry point makes one.

import { performance } from "node:perf_hooks";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock, DurationMs, EpochMs, MonotonicMs } from "./clock.ts";

/** Node's timers are 32 bits wide: a longer one would fire after a millisecond. */
const TIMER_MS_MAX: DurationMs = 2 ** 31 - 1;

/** performance.now() counts from the start of the process; the machine's monotonic clock, from its own. */
const BEFORE_PROCESS_MS: DurationMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export const systemClock: Clock = {
  now: () => Date.now() as EpochMs,
  monotonic: () => (performance.now() + BEFORE_PROCESS_MS) as MonotonicMs,
  sleep: async (duration, signal) => {
    const options = signal === undefined ? {} : { signal };
    try {
      let left = duration;
      for (; left > TIMER_MS_MAX; left -= TIMER_MS_MAX) await sleep(TIMER_MS_MAX, undefined, options);
      await sleep(left, undefined, options);
    } catch (error) {
      // Node rejects with an error of its own, of which nobody could tell why the sleep was broken off.
      signal?.throwIfAborted();
      throw error;
    }
  },
  random: () => Math.random(),
};

/** CLOCK_MONOTONIC in microseconds, as systemd counts. */
export function monotonicMicros(): bigint {
  return process.hrtime.bigint() / 1000n;
}
