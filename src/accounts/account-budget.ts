// How much of its budget an account has left, for whoever shows it.

import type { DurationMs } from "../core/clock.ts";
import type { OpenAccount } from "./accounts.ts";

export interface AccountBudget {
  /** In its window: the account's share of what is configured. */
  readonly requests: number;
  readonly windowMs: DurationMs;
  /** That may be sent now. */
  readonly left: number;
}

/** Undefined: the account has no limit. */
export function budgetOf({ config: { budget }, api }: OpenAccount): AccountBudget | undefined {
  if (!Number.isFinite(budget.requests)) return undefined;
  const requests = Math.max(1, Math.floor(budget.requests * budget.share));
  return { requests, windowMs: budget.windowMs, left: Math.max(0, requests - api.budget.recent().length) };
}
