// What the rounds of one pair have removed from each side within the last minutes, a row a round and side. In the journal, since a
// daemon that starts anew, and a command that runs once a second, are to be judged by it as one that goes on.

import type { Clock } from "../core/clock.ts";
import { NO_REMOVALS, RECENT_MS, type RecentRemovals } from "../core/recent-removals.ts";
import { clockJump, type Look, takeLook } from "./clock-jump.ts";
import type { Journal } from "./journal.ts";

type Side = "local" | "remote";

interface RemovingRound {
  readonly side: Side;
  readonly removed: number;
  readonly lasting: number;
  /** Keys that both sides had agreed on and that the side had when the round began. */
  readonly known: number;
}

export interface RecentRemovalTable {
  recent(side: Side): RecentRemovals;
  /** A round begins to remove these. Returns its number, for `settle`. */
  begin(round: RemovingRound): number;
  /** The round ended, and has removed no more than `removed`. One that is killed counts as it began. */
  settle(id: number, removed: number): void;
  /** A person has let a plan pass: what was removed before counts no more. */
  clear(): void;
}

interface Row extends RemovingRound, Look {
  readonly id: number;
}

export function openRecentRemovals(
  { database }: Pick<Journal, "database">,
  identity: string,
  clock: Pick<Clock, "now" | "monotonic">,
): RecentRemovalTable {
  const pair = "(SELECT id FROM pair WHERE identity = ?1)";
  const select = database.prepare(
    `SELECT id, side, removed, lasting, known, at_ms AS at, monotonic_ms AS monotonic, boot
     FROM recent_removal WHERE pair = ${pair} AND side = ?2 ORDER BY id`,
  );
  const insert = database.prepare(
    `INSERT INTO recent_removal (pair, side, at_ms, monotonic_ms, boot, removed, lasting, known)
     VALUES (${pair}, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
  );
  const settle = database.prepare("UPDATE recent_removal SET removed = ?2, lasting = min(lasting, ?2) WHERE id = ?1");
  const remove = database.prepare("DELETE FROM recent_removal WHERE id = ?");
  const removeAll = database.prepare(`DELETE FROM recent_removal WHERE pair = ${pair}`);

  /** Those that are over, and those that are not. */
  function rowsOf(side: Side): { readonly over: readonly Row[]; readonly recent: readonly Row[] } {
    const now = takeLook(clock);
    const over: Row[] = [];
    const recent: Row[] = [];
    for (const row of select.all(identity, side) as unknown as Row[]) {
      // By how much the time of day was set is no age; one that lies ahead is of a clock that was wrong, before a restart.
      const ageMs = Math.abs(now.at - row.at - clockJump(row, now));
      (ageMs > RECENT_MS ? over : recent).push(row);
    }
    return { over, recent };
  }

  return {
    recent: (side) =>
      rowsOf(side).recent.reduce(
        (sum, { removed, lasting, known }) => ({
          removed: sum.removed + removed,
          lasting: sum.lasting + lasting,
          knownMax: removed === 0 ? sum.knownMax : Math.max(sum.knownMax, known),
        }),
        NO_REMOVALS,
      ),
    begin({ side, removed, lasting, known }) {
      for (const { id } of rowsOf(side).over) remove.run(id);
      const { at, monotonic, boot } = takeLook(clock);
      return Number(insert.run(identity, side, at, monotonic, boot, removed, lasting, known).lastInsertRowid);
    },
    settle: (id, removed) => void (removed === 0 ? remove.run(id) : settle.run(id, removed)),
    clear: () => void removeAll.run(identity),
  };
}
