// How the keys of a mapping are decided, by its mode.

import type { MappingConfig } from "../config/config.ts";
import { type EpochMs, toEpochSeconds } from "../core/clock.ts";
import type { Decide } from "../engine/plan/verdict.ts";
import type { Replica } from "../replica/replica.ts";

/** `unattended`: nobody watches, so that a folder which somebody cleared by mistake is not to take the last copies with it;
 * that costs a bulk get for a hundred removals. */
export function decideOf(
  mapping: Pick<MappingConfig, "mode" | "conflict" | "delete">,
  destination: Replica,
  { now, unattended }: { readonly now: EpochMs; readonly unattended: boolean },
): Decide {
  if (mapping.mode === "two-way") return { twoWay: true, conflict: mapping.conflict, now: toEpochSeconds(now) };
  return {
    twoWay: false,
    delete: mapping.delete,
    save: !destination.traits.readsCostRequests ? "all" : unattended ? "removed" : "foreign",
    now: toEpochSeconds(now),
  };
}
