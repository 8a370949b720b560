// The base of one pair of replicas, as rows of the journal.

import type { DatabaseSync } from "node:sqlite";
import type { EpochMs, EpochSeconds } from "../core/clock.ts";
import type { BaseRow } from "../core/entry.ts";
import type { Fingerprint } from "../core/fingerprint.ts";
import type { Key } from "../core/key.ts";
import type { BaseChange, BaseStore } from "./ports.ts";
import { type Journal, transaction } from "./journal.ts";

const PAGE_ROWS = 1000;

type Row = [
  key: string,
  fingerprint: string,
  metadata: string | null,
  expiration: number | null,
  size: number,
  mtimeMs: number | null,
  ctimeMs: number | null,
  inode: number | null,
  hashedAtMs: number,
];

/** The base of the pair that `identity` names; a pair never seen has an empty one. */
export function openBase(journal: Journal, identity: string): BaseStore {
  const { database } = journal;
  database.prepare("INSERT INTO pair (identity) VALUES (?) ON CONFLICT DO NOTHING").run(identity);
  const { id } = database.prepare("SELECT id FROM pair WHERE identity = ?").get(identity) as { id: number };
  // The key as text: decoded by SQLite it is twice as fast to read as a BLOB is.
  const select = database.prepare(
    `SELECT CAST(key AS TEXT), fingerprint, metadata, expiration, size, mtime_ms, ctime_ms, inode, hashed_at_ms
     FROM base WHERE pair = ? AND key > ? ORDER BY key LIMIT ${PAGE_ROWS}`,
  );
  select.setReturnArrays(true);
  return {
    scan: () => scan(select, id),
    commit: committer(database, id),
  };
}

async function* scan(select: ReturnType<DatabaseSync["prepare"]>, pair: number): AsyncGenerator<readonly BaseRow[]> {
  let after: Uint8Array = new Uint8Array(0);
  for (;;) {
    const rows = select.all(pair, after) as unknown as Row[];
    const last = rows.at(-1);
    if (last === undefined) return;
    after = Buffer.from(last[0]);
    yield rows.map(baseRow);
    if (rows.length < PAGE_ROWS) return;
  }
}

function baseRow(row: Row): BaseRow {
  const [key, fingerprint, metadata, expiration, size, mtimeMs, ctimeMs, inode, hashedAtMs] = row;
  return {
    key: key as Key,
    fingerprint: fingerprint as Fingerprint,
    metadata: metadata ?? undefined,
    expiration: (expiration ?? undefined) as EpochSeconds | undefined,
    size,
    signature: mtimeMs === null ? undefined : { size, mtimeMs, ctimeMs: ctimeMs!, inode: inode! },
    hashedAt: hashedAtMs as EpochMs,
  };
}

function committer(database: DatabaseSync, pair: number): (change: BaseChange) => void {
  const record = database.prepare("INSERT OR REPLACE INTO base VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const forget = database.prepare("DELETE FROM base WHERE pair = ? AND key = ?");
  return (change) => {
    transaction(database, () => {
      for (const row of change.record) {
        const { signature } = row;
        record.run(
          pair,
          Buffer.from(row.key),
          row.fingerprint,
          row.metadata ?? null,
          row.expiration ?? null,
          row.size,
          signature?.mtimeMs ?? null,
          signature?.ctimeMs ?? null,
          signature?.inode ?? null,
          row.hashedAt,
        );
      }
      for (const key of change.forget) forget.run(pair, Buffer.from(key));
    });
  };
}
