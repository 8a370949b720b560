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
  /** When the last requests of each account were sent. */
  readonly recent: () => ReadonlyMap<string, readonly number[]>;
}): BudgetKeeper {
  const { clock, budgets } = deps;
  const closing = new AbortController();
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const kept = new Map<string, string>();

  function keep(): void {
    try {
      for (const [account, recent] of deps.recent()) {
        const text = recent.join();
        if (kept.get(account) === text) continue;
        budgets.put(account, recent);
        kept.set(account, text);
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
