// Entries, written, removed and purged; and each time a line in the log of changes.

import { type EpochMs, type EpochSeconds, toEpochSeconds } from "../../../core/clock.ts";
import type { AtOnce, EntryStore, EntryWrite, StoredNamespaceId } from "../store.ts";
import type { SqliteChangeLog } from "./change-log.ts";
import type { Database } from "./database.ts";
import type { Values } from "./values.ts";

export interface SqliteWriting extends AtOnce<Pick<EntryStore, "write" | "remove">> {
  /** Deletes up to `count` entries that expired or whose namespace was removed. Returns how many there were. */
  readonly purge: (now: EpochMs, count: number) => number;
}

export function openWriting(database: Database, values: Values, log: SqliteChangeLog): SqliteWriting {
  const find = database.prepare("SELECT number FROM namespace WHERE id = ?");
  // Looked up within the transaction: another process may have removed the namespace.
  const numberOf = (id: StoredNamespaceId): number | undefined =>
    (find.get(id) as unknown as [number] | undefined)?.[0];
  const writing = writeStatements(database);

  function removeRow(namespace: number, key: string | Uint8Array): boolean {
    const row = writing.remove.get(namespace, key) as unknown as [number] | undefined;
    if (row !== undefined) values.drop(row[0]);
    return row !== undefined;
  }

  /** All in one transaction; fastest when they come in key order. */
  function write(namespace: number, writes: readonly EntryWrite[]): void {
    let nextShort = values.nextShort();
    for (const { key, value, metadata, expiration } of writes) {
      const before = (writing.find.get(namespace, key) as unknown as [number] | undefined)?.[0];
      const long = values.putLong(value);
      const after = long ?? (before !== undefined && before > 0 ? before : nextShort++);
      if (long === undefined) values.putShort(after, value as string | Uint8Array);
      if (before === undefined) writing.insert.run(namespace, key, metadata, expiration, after);
      else writing.update.run(metadata, expiration, after, namespace, key);
      if (before !== undefined && before !== after) values.drop(before);
    }
  }

  /** Deletes up to `count` of what expired. */
  function purgeExpired(now: EpochSeconds, count: number): number {
    const gone = writing.expired.all(now, count) as unknown as [number, string][];
    for (const [namespace, key] of gone) removeRow(namespace, key);
    for (const [namespace, rows] of Map.groupBy(gone, ([namespace]) => namespace))
      log.add(
        namespace,
        rows.map(([, key]) => key),
      );
    return gone.length;
  }

  /** Deletes up to `count` entries of a namespace that was removed. */
  function purgeDropped(namespace: number, count: number): number {
    const orphans = writing.orphans.all(namespace, count) as unknown as [Uint8Array][];
    for (const [key] of orphans) removeRow(namespace, key);
    if (orphans.length < count) writing.forget.run(namespace);
    return orphans.length + 1;
  }

  return {
    write(id, writes) {
      return database.transaction(() => {
        const namespace = numberOf(id);
        if (namespace === undefined) return false;
        write(namespace, writes);
        log.add(
          namespace,
          writes.map((each) => each.key),
        );
        return true;
      });
    },
    remove(id, keys) {
      database.transaction(() => {
        const namespace = numberOf(id);
        if (namespace === undefined) return;
        log.add(
          namespace,
          keys.filter((key) => removeRow(namespace, key)),
        );
      });
    },
    purge(at, count) {
      const now = toEpochSeconds(at);
      const dropped = (writing.dropped.get() as unknown as [number] | undefined)?.[0];
      if (dropped === undefined && writing.expired.get(now, 1) === undefined) return 0;
      return database.transaction(
        () => purgeExpired(now, count) + (dropped === undefined ? 0 : purgeDropped(dropped, count)),
      );
    },
  };
}

function writeStatements(database: Database) {
  const one = "WHERE namespace = ? AND key = CAST(? AS BLOB)";
  return {
    find: database.prepare(`SELECT value FROM entry ${one}`),
    insert: database.prepare(
      "INSERT INTO entry (namespace, key, metadata, expiration, value) VALUES (?, CAST(? AS BLOB), ?, ?, ?)",
    ),
    update: database.prepare(`UPDATE entry SET metadata = ?, expiration = ?, value = ? ${one}`),
    remove: database.prepare(`DELETE FROM entry ${one} RETURNING value`),
    expired: database.prepare(
      "SELECT namespace, CAST(key AS TEXT) FROM entry WHERE expiration <= ? ORDER BY expiration LIMIT ?",
    ),
    dropped: database.prepare("SELECT number FROM dropped LIMIT 1"),
    orphans: database.prepare("SELECT key FROM entry WHERE namespace = ? LIMIT ?"),
    forget: database.prepare("DELETE FROM dropped WHERE number = ?"),
  };
}
