// Request budgets from one process to the next: when the last requests of each account were sent. Whoever starts with a
// full budget after a restart passes the limit, and is blocked for five minutes.

import type { Journal } from "./journal.ts";

export interface Budgets {
  /** Moments of requests that may still count; empty: none are known. */
  get(account: string): readonly number[];
  put(account: string, recent: readonly number[]): void;
}

export function openBudgets({ database }: Journal): Budgets {
  const select = database.prepare("SELECT recent FROM budget WHERE account = ?");
  const insert = database.prepare("INSERT OR REPLACE INTO budget VALUES (?, ?)");
  return {
    get: (account) => {
      const row = select.get(account) as { readonly recent: string } | undefined;
      return row === undefined ? [] : (JSON.parse(row.recent) as number[]);
    },
    put: (account, recent) => {
      insert.run(account, JSON.stringify(recent));
    },
  };
}
