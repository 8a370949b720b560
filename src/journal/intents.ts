// What is being carried over in two-way sync, kept from before it is sent until it is confirmed. After a crash between the
// two, a side that shows such a version has it from us: both sides agreed on it, and it is no change of anybody's.

import type { DatabaseSync } from "node:sqlite";
import type { EpochMs } from "../core/clock.ts";
import type { Entry } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import { ENTRY_COLUMNS, entryColumns, entryOf, type EntryRow } from "./entry-columns.ts";
import { transaction } from "./journal.ts";
import type { Intent } from "./ports.ts";

/** What was not confirmed by then is not known to have been ours any more. */
const KEEP_MS = 86_400_000;
/** About 30 MB in memory, and many batches. */
const ROWS_MAX = 100_000;

export interface Intents {
  add(to: Intent["to"], entries: readonly Entry[], now: EpochMs): void;
  all(): ReadonlyMap<Key, Intent>;
  /** Within the transaction that changes these rows of the base. */
  settle(keys: Iterable<Key>): void;
}

export function openIntents(database: DatabaseSync, pair: number): Intents {
  const insert = database.prepare("INSERT OR REPLACE INTO intent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const purge = database.prepare("DELETE FROM intent WHERE pair = ? AND since_ms < ?");
  const select = database.prepare(
    `SELECT ${ENTRY_COLUMNS}, side FROM intent WHERE pair = ? ORDER BY since_ms DESC LIMIT ${ROWS_MAX}`,
  );
  const any = database.prepare("SELECT 1 FROM intent WHERE pair = ? LIMIT 1");
  const remove = database.prepare("DELETE FROM intent WHERE pair = ? AND key = ?");
  return {
    add(to, entries, now) {
      transaction(database, () => {
        for (const entry of entries) insert.run(pair, ...entryColumns(entry), to, now);
        purge.run(pair, now - KEEP_MS);
      });
    },
    all: () =>
      new Map(
        (select.all(pair) as unknown as (EntryRow & { readonly side: Intent["to"] })[]).map((row) => {
          const entry = entryOf(row);
          return [entry.key, { to: row.side, entry }];
        }),
      ),
    settle(keys) {
      if (any.get(pair) === undefined) return;
      for (const key of keys) remove.run(pair, Buffer.from(key));
    },
  };
}
