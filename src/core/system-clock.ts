// The real clock. Only a process's entry point makes one.

import { performance } from "node:perf_hooks";
import process from "node:process";
import type { Clock, DurationMs, EpochMs, MonotonicMs } from "./clock.ts";

/** Node's timers are 32 bits wide: a longer one would fire after a millisecond. */
const TIMER_MS_MAX: DurationMs = 2 ** 31 - 1;

/** performance.now() counts from the start of the process; the machine's monotonic clock, from its own. */
const BEFORE_PROCESS_MS: DurationMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export const systemClock: Clock = {
  now: () => Date.now() as EpochMs,
  monotonic: () => (performance.now() + BEFORE_PROCESS_MS) as MonotonicMs,
  sleep: async (duration, signal) => {
    let left = duration;
    for (; left > TIMER_MS_MAX; left -= TIMER_MS_MAX) await timer(TIMER_MS_MAX, signal);
    await timer(left, signal);
  },
  random: () => Math.random(),
};

/** Node's own promise of a timer makes an error, with its stack, each time that it is broken off: loops are woken so all day, and nobody
 * looks at it. */
function timer(duration: DurationMs, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const wake = (): void => {
      signal?.removeEventListener("abort", breakOff);
      resolve();
    };
    const breakOff = (): void => {
      clearTimeout(timeout);
      reject(signal?.reason as Error);
    };
    const timeout = setTimeout(wake, duration);
    signal?.addEventListener("abort", breakOff, { once: true });
  });
}

/** CLOCK_MONOTONIC in microseconds, as systemd counts. */
export function monotonicMicros(): bigint {
  return process.hrtime.bigint() / 1000n;
}
