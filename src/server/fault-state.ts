// The running parts of one fault plan. A new plan replaces them all: its counts start at zero, its windows are empty,
// and nothing lags any more.

import type { Clock } from "../core/clock.ts";
import { seededChance } from "./chance.ts";
import type { CheckedPlan } from "./faults.ts";
import { interference, type Interfere } from "./interference.ts";
import { type RateLimit, rateLimit } from "./rate-limit.ts";
import { laggingStore } from "./store/lagging-store.ts";
import type { ReadOnlyStore, Store } from "./store/store.ts";
import { type UsageLimits, usageLimits } from "./usage-limits.ts";

export interface FaultState {
  readonly interfere: Interfere;
  readonly rateLimit: RateLimit;
  readonly limits: UsageLimits;
  /** The data as clients see it. */
  readonly store: Store | ReadOnlyStore;
  /** Whether clients may follow what changes: not where it shows later than the log tells of it. */
  readonly offersFeed: boolean;
}

const SEED_DEFAULT = 1;

export function faultState(plan: CheckedPlan, store: Store | ReadOnlyStore, clock: Clock): FaultState {
  const seed = plan.seed ?? SEED_DEFAULT;
  return {
    interfere: interference(plan, clock, seededChance(seed)),
    rateLimit: rateLimit(plan.rateLimit, clock),
    limits: usageLimits(plan, clock),
    offersFeed: plan.settle === undefined && !("isReadOnly" in store),
    // A chance of its own: what lags does not change which requests are struck.
    store:
      plan.settle === undefined || "isReadOnly" in store
        ? store
        : laggingStore(store, plan.settle, clock, seededChance(~seed)),
  };
}
