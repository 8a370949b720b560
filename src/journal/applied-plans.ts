// Which saved plans have been carried out: each is applied once.

import type { EpochMs } from "../core/clock.ts";
import type { Journal } from "./journal.ts";

export interface AppliedPlans {
  /** When this round of a plan was done; undefined: it was not, as far as is known here. */
  get(plan: string, round: number): EpochMs | undefined;
  put(plan: string, round: number, at: EpochMs): void;
}

/** `plan` is the digest of a plan's file. */
export function openAppliedPlans({ database }: Journal): AppliedPlans {
  const select = database.prepare("SELECT applied_at_ms FROM applied_plan WHERE plan = ? AND round = ?");
  const insert = database.prepare("INSERT OR REPLACE INTO applied_plan VALUES (?, ?, ?)");
  return {
    get: (plan, round) => (select.get(plan, round) as { readonly applied_at_ms: EpochMs } | undefined)?.applied_at_ms,
    put: (plan, round, at) => {
      insert.run(plan, round, at);
    },
  };
}
