// Versions that the remote of one pair showed, and that both sides do not agree on yet [I7]. In the journal, since what was
// seen before a crash must not be written over after it.

import type { DatabaseSync } from "node:sqlite";
import type { EpochMs } from "../core/clock.ts";
import { compareVersions } from "../core/compare.ts";
import type { Entry } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import type { UnsettledVersion } from "../core/settle.ts";
import { ENTRY_COLUMNS, entryColumns, entryOf, type EntryRow } from "./entry-columns.ts";
import { transaction } from "./journal.ts";
import type { BaseChange, NewBaseRow } from "../engine/ports.ts";
import { openRememberPrevious } from "./previous.ts";
import { prepared } from "./prepared.ts";

/** Far longer than KV was ever seen to lag. */
const KEEP_MS = 86_400_000;
/** About 30 MB in memory. More of them at once come only of a first look that was killed. */
const ROWS_MAX = 100_000;

export interface UnsettledVersions {
  add(entries: readonly Entry[], now: EpochMs): void;
  all(): ReadonlyMap<Key, readonly UnsettledVersion[]>;
  /** Within the transaction that changes these rows: see {@link BaseChange.overwrites}. */
  settle(change: BaseChange): void;
}

export function openUnsettledVersions(database: DatabaseSync, pair: number): UnsettledVersions {
  const insert = prepared(
    database,
    `INSERT INTO unsettled_version SELECT NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
     WHERE NOT EXISTS (
       SELECT 1 FROM unsettled_version WHERE pair = ?1 AND key = ?2 AND fingerprint IS ?3 AND metadata IS ?4 AND expiration IS ?5
     )`,
  );
  const purge = prepared(database, "DELETE FROM unsettled_version WHERE pair = ? AND seen_at_ms < ?");
  const select = prepared(
    database,
    `SELECT ${ENTRY_COLUMNS}, seen_at_ms FROM unsettled_version WHERE pair = ? ORDER BY id DESC LIMIT ${ROWS_MAX}`,
  );
  const any = prepared(database, "SELECT 1 FROM unsettled_version WHERE pair = ? LIMIT 1");
  const selectOf = prepared(
    database,
    `SELECT ${ENTRY_COLUMNS}, id FROM unsettled_version WHERE pair = ? AND key = ? ORDER BY id DESC`,
  );
  const remove = prepared(database, "DELETE FROM unsettled_version WHERE id = ?");
  const remember = openRememberPrevious(database, pair);

  function settleOne(key: Key, row: NewBaseRow | undefined, { now, overwrites = false }: BaseChange): void {
    const bytes = Buffer.from(key);
    const replaced: EntryRow[] = [];
    for (const seen of selectOf.all(pair, bytes) as unknown as (EntryRow & { readonly id: number })[]) {
      // Of what only a listing showed it cannot be told whether it is what is recorded.
      const isSettled =
        seen.fingerprint === null || (row !== undefined && compareVersions(entryOf(seen), row) === "same");
      if (!isSettled && !overwrites) continue;
      remove.run(seen.id);
      if (!isSettled) replaced.push(seen);
    }
    if (replaced.length > 0) remember(bytes, replaced, now);
  }

  return {
    add(entries, now) {
      if (entries.length === 0) return;
      transaction(database, () => {
        for (const entry of entries) insert.run(pair, ...entryColumns(entry), now);
        purge.run(pair, now - KEEP_MS);
      });
    },
    all() {
      const unsettled = new Map<Key, UnsettledVersion[]>();
      const latestFirst = select.all(pair) as unknown as (EntryRow & { readonly seen_at_ms: number })[];
      for (const row of latestFirst.toReversed()) {
        const entry = entryOf(row);
        const version = { entry, at: row.seen_at_ms as EpochMs };
        const earlier = unsettled.get(entry.key);
        if (earlier === undefined) unsettled.set(entry.key, [version]);
        else earlier.push(version);
      }
      return unsettled;
    },
    settle(change) {
      if (any.get(pair) === undefined) return;
      for (const row of change.record) settleOne(row.key, row, change);
      for (const key of change.forget) settleOne(key, undefined, change);
    },
  };
}
