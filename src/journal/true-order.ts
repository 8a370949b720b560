// A moment in a table whose rows are numbered as they came about: their numbers tell the order, whatever the clock was set to meanwhile.

import type { DatabaseSync } from "node:sqlite";
import type { EpochMs } from "../core/clock.ts";
import { countUntil } from "../core/true-order.ts";

/** `at` as somebody means it who knows the right time, which it is `now`. */
export interface Moment {
  readonly at: EpochMs;
  readonly now: EpochMs;
}

const DATES = {
  trash: "SELECT id, saved_at_ms FROM trash ORDER BY id",
  history: "SELECT id, at_ms FROM history ORDER BY id",
} as const;

/** The number of the last row that came about at `at` or before; 0: there is none. */
export function lastUntil(database: DatabaseSync, table: keyof typeof DATES, { at, now }: Moment): number {
  const select = database.prepare(DATES[table]);
  select.setReturnArrays(true);
  const rows = select.all() as unknown as readonly (readonly [id: number, at: number])[];
  const count = countUntil(
    rows.map(([, date]) => date),
    at,
    now,
  );
  return rows[count - 1]?.[0] ?? 0;
}
