// Whether the time of day was set between two looks. Two looks of one boot are as far apart as they are, whatever the time of day
// says. The other clock begins anew when the machine starts: then the time of day is all there is. It stands still while the machine is
// suspended, which counts as if the time of day had been set by that much: what waits then waits for longer.

import { readFileSync } from "node:fs";
import type { Clock, DurationMs, EpochMs } from "../core/clock.ts";
import { faultCode } from "../replica/tree/fs-fault.ts";

export interface Look {
  readonly at: EpochMs;
  readonly monotonic: number;
  /** Of the boot that the machine is in; "" where the system does not tell: then all looks count as of one, unless the other clock went
   * back. */
  readonly boot: string;
}

/** A clock that drifts is put right by less. */
const JUMP_MS_MIN: DurationMs = 60_000;
const BOOT = readBoot();

export function takeLook(clock: Pick<Clock, "now" | "monotonic">): Look {
  return { at: clock.now(), monotonic: clock.monotonic(), boot: BOOT };
}

/** By how much the time of day was set since `last`; 0: it was not, or that cannot be told. */
export function clockJump(last: Look, now: Look): DurationMs {
  if (now.boot !== last.boot || now.monotonic < last.monotonic) return 0;
  const jump = now.at - last.at - (now.monotonic - last.monotonic);
  return Math.abs(jump) < JUMP_MS_MIN ? 0 : jump;
}

function readBoot(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch (error) {
    faultCode(error);
    return "";
  }
}
