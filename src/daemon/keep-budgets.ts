// Writes down, every while and at the end, what has been spent of the request budgets.

import type { Clock, DurationMs } from "../core/clock.ts";
import type { Budgets } from "../journal/budgets.ts";
import { operationErrorOf } from "../journal/operation-error.ts";

/** A process that is killed forgets no more than this: far less than the part of the budget that is left to others. */
const KEEP_INTERVAL_MS: DurationMs = 15_000;

export interface BudgetKeeper {
  /** Writes them down once more. */
  close(): Promise<void>;
  /** Rejects with a bug; never resolves. */
  readonly failed: Promise<never>;
}

export function keepBudgets(deps: {
  readonly clock: Clock;
  readonly budgets: Budgets;
  /** How long ago the last requests of each account were sent. */
  readonly recent: () => ReadonlyMap<string, readonly DurationMs[]>;
}): BudgetKeeper {
  const { clock, budgets } = deps;
  const closing = new AbortController();
  const { promise: failed, reject } = Promise.withResolvers<never>();
  /** Accounts of which it is written down that something was spent. */
  const spent = new Set<string>();

  function keep(): void {
    try {
      for (const [account, recent] of deps.recent()) {
        if (recent.length === 0 && !spent.has(account)) continue;
        budgets.put(account, recent);
        if (recent.length === 0) spent.delete(account);
        else spent.add(account);
      }
    } catch (error) {
      // A disk that is full, say: rounds will tell, and the next time may do better.
      if (operationErrorOf(error) === undefined) throw error;
    }
  }

  const keeping = (async () => {
    try {
      for (;;) {
        await clock.sleep(KEEP_INTERVAL_MS, closing.signal);
        keep();
      }
    } catch (error) {
      if (!closing.signal.aborted) reject(error);
    }
  })();
  return {
    close: async () => {
      closing.abort();
      await keeping;
      keep();
    },
    failed,
  };
}
