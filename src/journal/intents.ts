// What is being carried over where it matters who wrote what a side holds, in two-way sync and in migrations, kept from before it is sent until it is confirmed. After a crash between the
// two, a side that shows such a version has it from us: both sides agreed on it, and it is no change of anybody's. Nor is it
// one when another version has taken its place, and it shows up late.

import type { DatabaseSync } from "node:sqlite";
import type { EpochMs } from "../core/clock.ts";
import { compareVersions, type Version } from "../core/compare.ts";
import type { Entry } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import { ENTRY_COLUMNS, entryColumns, entryOf, type EntryRow } from "./entry-columns.ts";
import { transaction } from "./journal.ts";
import type { BaseChange, Intent } from "../engine/ports.ts";
import { openRememberPrevious } from "./previous.ts";
import { prepared } from "./prepared.ts";

/** What was not confirmed by then is not known to have been ours any more. */
const KEEP_MS = 86_400_000;
/** About 30 MB in memory, and many batches. */
const ROWS_MAX = 100_000;

type IntentRow = EntryRow & { readonly side: Intent["to"] };

export interface Intents {
  add(to: Intent["to"], entries: readonly Entry[], now: EpochMs): void;
  all(): ReadonlyMap<Key, Intent>;
  /** Within the transaction that changes these rows of the base. */
  settle(change: BaseChange): void;
}

export function openIntents(database: DatabaseSync, pair: number): Intents {
  const insert = prepared(database, "INSERT INTO intent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const purge = prepared(database, "DELETE FROM intent WHERE pair = ? AND since_ms < ?");
  const select = prepared(
    database,
    `SELECT ${ENTRY_COLUMNS}, side FROM intent WHERE pair = ? ORDER BY since_ms DESC LIMIT ${ROWS_MAX}`,
  );
  const any = prepared(database, "SELECT 1 FROM intent WHERE pair = ? LIMIT 1");
  const remove = prepared(database, `DELETE FROM intent WHERE pair = ? AND key = ? RETURNING ${ENTRY_COLUMNS}, side`);
  const remember = openRememberPrevious(database, pair);

  /** `by` takes the place of what was intended for a key: undefined, its absence. */
  function replace(key: Key, by: Version | undefined, now: EpochMs): void {
    const bytes = Buffer.from(key);
    const row = remove.get(pair, bytes) as unknown as IntentRow | undefined;
    if (row?.side !== "destination") return;
    const isSame = by !== undefined && compareVersions(entryOf(row), by) === "same";
    if (!isSame) remember(bytes, [row], now);
  }
  return {
    add(to, entries, now) {
      transaction(database, () => {
        for (const entry of entries) {
          replace(entry.key, entry, now);
          insert.run(pair, ...entryColumns(entry), to, now);
        }
        purge.run(pair, now - KEEP_MS);
      });
    },
    all: () =>
      new Map(
        (select.all(pair) as unknown as IntentRow[]).map((row) => {
          const entry = entryOf(row);
          return [entry.key, { to: row.side, entry }];
        }),
      ),
    settle({ record, forget, now }) {
      if (any.get(pair) === undefined) return;
      for (const row of record) replace(row.key, row, now);
      for (const key of forget) replace(key, undefined, now);
    },
  };
}
