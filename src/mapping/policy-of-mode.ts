// How the keys of a mapping are decided, by its mode.

import type { MappingConfig } from "../config/config.ts";
import { type EpochMs, toEpochSeconds } from "../core/clock.ts";
import type { Resolution } from "../core/reconcile-two-way.ts";
import type { Decide } from "../engine/plan/verdict.ts";
import type { ReadableReplica } from "../replica/replica.ts";

/** What is removed is kept: a folder which somebody cleared by mistake is not to take the last copies with it. */
export function decideOf(
  mapping: Pick<MappingConfig, "mode" | "conflict" | "delete">,
  destination: ReadableReplica,
  { now, resolution }: { readonly now: EpochMs; readonly resolution?: Resolution | undefined },
): Decide {
  if (mapping.mode === "two-way")
    return { twoWay: true, conflict: mapping.conflict, resolution, now: toEpochSeconds(now) };
  return {
    twoWay: false,
    delete: mapping.delete,
    save: !destination.traits.readsCostRequests ? "all" : "removed",
    now: toEpochSeconds(now),
  };
}
