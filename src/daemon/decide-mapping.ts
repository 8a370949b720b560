// How the keys of a mapping are decided, by its mode.

import type { MappingConfig } from "../config/config.ts";
import { type EpochMs, toEpochSeconds } from "../core/clock.ts";
import type { Decide } from "../engine/decide.ts";
import type { Replica } from "../replica/replica.ts";

export function decideOf(mapping: MappingConfig, destination: Replica, now: EpochMs): Decide {
  if (mapping.mode === "two-way") return { twoWay: true, conflict: mapping.conflict, now: toEpochSeconds(now) };
  return {
    twoWay: false,
    delete: mapping.delete,
    saveAll: !destination.traits.readsCostRequests,
    now: toEpochSeconds(now),
  };
}
