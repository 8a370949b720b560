// The running parts of one fault plan. A new plan replaces them all: its counts start at zero, its windows are empty,
// and nothing lags any more.

import type { Clock } from "../core/clock.ts";
import { seededChance } from "./chance.ts";
import type { EntryStore, ReadOnlyEntries } from "./entry-store.ts";
import type { CheckedPlan } from "./faults.ts";
import { interference, type Interfere } from "./interference.ts";
import { laggingEntries } from "./lagging-entries.ts";
import { type RateLimit, rateLimit } from "./rate-limit.ts";
import { type UsageLimits, usageLimits } from "./usage-limits.ts";

export interface FaultState {
  readonly interfere: Interfere;
  readonly rateLimit: RateLimit;
  readonly limits: UsageLimits;
  /** The entries as clients see them. */
  readonly entries: EntryStore | ReadOnlyEntries;
}

const SEED_DEFAULT = 1;

export function faultState(plan: CheckedPlan, store: EntryStore | ReadOnlyEntries, clock: Clock): FaultState {
  const seed = plan.seed ?? SEED_DEFAULT;
  return {
    interfere: interference(plan, clock, seededChance(seed)),
    rateLimit: rateLimit(plan.rateLimit, clock),
    limits: usageLimits(plan, clock),
    // A chance of its own: what lags does not change which requests are struck.
    entries:
      plan.settle === undefined || "isReadOnly" in store
        ? store
        : laggingEntries(store, plan.settle, clock, seededChance(~seed)),
  };
}
