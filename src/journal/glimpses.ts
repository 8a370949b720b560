// Versions that the remote of one pair showed, and that both sides do not agree on yet [I7]. In the journal, since what was
// seen before a crash must not be written over after it.

import type { DatabaseSync } from "node:sqlite";
import type { EpochMs } from "../core/clock.ts";
import type { Entry } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import { decodePrevious, encodePrevious, type Glimpse } from "../core/settle.ts";
import { ENTRY_COLUMNS, entryColumns, entryOf, type EntryRow } from "./entry-columns.ts";
import { transaction } from "./journal.ts";
import type { BaseChange } from "./ports.ts";

/** Far longer than KV was ever seen to lag. */
const KEEP_MS = 86_400_000;
/** About 30 MB in memory. More of them at once come only of a first look that was killed. */
const ROWS_MAX = 100_000;

export interface Glimpses {
  add(entries: readonly Entry[], now: EpochMs): void;
  all(): ReadonlyMap<Key, Glimpse>;
  /** Within the transaction that changes these rows: see {@link BaseChange.overwrites}. */
  settle(change: BaseChange): void;
}

export function openGlimpses(database: DatabaseSync, pair: number): Glimpses {
  const insert = database.prepare(
    `INSERT INTO glimpse VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET
       seen_at_ms = CASE
         WHEN fingerprint IS excluded.fingerprint AND metadata IS excluded.metadata AND expiration IS excluded.expiration
         THEN seen_at_ms ELSE excluded.seen_at_ms END,
       fingerprint = excluded.fingerprint, metadata = excluded.metadata, expiration = excluded.expiration,
       size = excluded.size, binary = excluded.binary`,
  );
  const purge = database.prepare("DELETE FROM glimpse WHERE pair = ? AND seen_at_ms < ?");
  const select = database.prepare(
    `SELECT ${ENTRY_COLUMNS}, seen_at_ms FROM glimpse WHERE pair = ? ORDER BY seen_at_ms DESC LIMIT ${ROWS_MAX}`,
  );
  const any = database.prepare("SELECT 1 FROM glimpse WHERE pair = ? LIMIT 1");
  const selectOne = database.prepare(
    "SELECT fingerprint, metadata, expiration FROM glimpse WHERE pair = ? AND key = ?",
  );
  const remove = database.prepare("DELETE FROM glimpse WHERE pair = ? AND key = ?");
  const selectPrevious = database.prepare("SELECT previous FROM base WHERE pair = ? AND key = ?");
  const updatePrevious = database.prepare("UPDATE base SET previous = ? WHERE pair = ? AND key = ?");

  function settleOne(key: Key, fingerprint: string | undefined, { now, overwrites = false }: BaseChange): void {
    const bytes = Buffer.from(key);
    const seen = selectOne.get(pair, bytes) as Pick<EntryRow, "fingerprint" | "metadata" | "expiration"> | undefined;
    if (seen === undefined) return;
    // Of what only a listing showed it cannot be told whether it is what is recorded.
    const isRecorded = seen.fingerprint === null || seen.fingerprint === fingerprint;
    if (!isRecorded && !overwrites) return;
    remove.run(pair, bytes);
    if (isRecorded) return;
    const row = selectPrevious.get(pair, bytes) as { readonly previous: string | null } | undefined;
    if (row === undefined) return;
    const before = row.previous === null ? [] : decodePrevious(row.previous);
    const versions = [[seen.fingerprint, seen.metadata, seen.expiration, now] as const, ...before];
    updatePrevious.run(encodePrevious(versions), pair, bytes);
  }

  return {
    add(entries, now) {
      if (entries.length === 0) return;
      transaction(database, () => {
        for (const entry of entries) insert.run(pair, ...entryColumns(entry), now);
        purge.run(pair, now - KEEP_MS);
      });
    },
    all: () =>
      new Map(
        (select.all(pair) as unknown as (EntryRow & { readonly seen_at_ms: number })[]).map((row) => {
          const entry = entryOf(row);
          return [entry.key, { entry, at: row.seen_at_ms as EpochMs }];
        }),
      ),
    settle(change) {
      if (any.get(pair) === undefined) return;
      for (const { key, fingerprint } of change.record) settleOne(key, fingerprint, change);
      for (const key of change.forget) settleOne(key, undefined, change);
    },
  };
}
