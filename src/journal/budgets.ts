// Request budgets from one process to the next: how long ago the last requests of each account were sent. Whoever starts with a
// full budget after a restart passes the limit, and is blocked for five minutes.

import type { Clock, DurationMs } from "../core/clock.ts";
import type { Journal } from "./journal.ts";

export interface Budgets {
  /** How long ago requests were sent that may still count; empty: none are known. */
  get(account: string): readonly DurationMs[];
  put(account: string, ages: readonly DurationMs[]): void;
}

interface Kept {
  /** When this was written down, by both clocks. */
  readonly at: number;
  readonly monotonicAt: number;
  readonly ages: readonly DurationMs[];
}

export function openBudgets({ database }: Journal, clock: Pick<Clock, "now" | "monotonic">): Budgets {
  const select = database.prepare("SELECT recent FROM budget WHERE account = ?");
  const insert = database.prepare("INSERT OR REPLACE INTO budget VALUES (?, ?)");
  return {
    get: (account) => {
      const row = select.get(account) as { readonly recent: string } | undefined;
      const kept = row === undefined ? undefined : (JSON.parse(row.recent) as Kept | readonly number[]);
      if (kept === undefined) return [];
      // As an older kvsync kept it: moments, by the time of day.
      if ("length" in kept) return kept.map((moment) => Math.max(0, clock.now() - moment));
      const since = sinceKept(kept, clock);
      return kept.ages.map((age) => age + since);
    },
    put: (account, ages) => {
      const kept: Kept = { at: clock.now(), monotonicAt: clock.monotonic(), ages };
      insert.run(account, JSON.stringify(kept));
    },
  };
}

/** How long ago it was kept, or less: too little costs a wait, and too much passes the limit. The time of day may have been set
 * since then; the monotonic clock has not, and only begins anew with the machine. */
function sinceKept({ at, monotonicAt }: Kept, clock: Pick<Clock, "now" | "monotonic">): DurationMs {
  const since = clock.monotonic() - monotonicAt;
  return since >= 0 ? since : Math.max(clock.monotonic(), clock.now() - at);
}
