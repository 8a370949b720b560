// The real clock. Only a process's entry point makes one.

import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock, EpochMs } from "./clock.ts";

export const systemClock: Clock = {
  now: () => Date.now() as EpochMs,
  sleep: async (duration, signal) => {
    try {
      await sleep(duration, undefined, signal === undefined ? {} : { signal });
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
