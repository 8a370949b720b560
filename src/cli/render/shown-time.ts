// A time of day as lists for people show it: to the second, and as it can be typed back (`--since "2026-11-29 06:43:21Z"`).

import type { EpochMs } from "../../core/clock.ts";

export function shownTime(at: EpochMs): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")}Z`;
}
