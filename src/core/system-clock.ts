// The real clock. Only a process's entry point makes one.

import { setTimeout as sleep } from "node:timers/promises";
import type { Clock, EpochMs } from "./clock.ts";

export const systemClock: Clock = {
  now: () => Date.now() as EpochMs,
  sleep: (duration, signal) => sleep(duration, undefined, signal === undefined ? {} : { signal }),
  random: () => Math.random(),
};
