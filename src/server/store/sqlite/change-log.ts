// The log of what changed: a row for each transaction in a namespace, with the keys, numbered in one row for all namespaces. So it costs
// little beside what it tells of, and a number that has been given tells how far one has read, whatever the namespace.
//
// Most databases are followed by nobody, and a row more in each transaction makes a single write a tenth slower: the log of a namespace is
// kept from when somebody first asks for it, and as long as somebody comes back.

import type { Clock, EpochMs } from "../../../core/clock.ts";
import {
  type AtOnce,
  CHANGE_KEYS_MAX,
  CHANGE_LIFETIME_MS,
  type ChangeLog,
  LOG_KEPT_MS,
  type StoredNamespaceId,
} from "../store.ts";
import type { Database } from "./database.ts";
import { openWatchers } from "./watchers.ts";

export interface SqliteChangeLog extends AtOnce<ChangeLog> {
  /** To be called within the transaction that changed `keys`. */
  add(namespace: number, keys: readonly string[]): void;
  /** Something may have been committed by this process: tells all who watch. */
  wake(): void;
  /** Deletes up to `count` rows that are too old. Returns how many there were. */
  purge(now: EpochMs, count: number): number;
  close(): void;
}

export function openChangeLog(database: Database, clock: Clock): SqliteChangeLog {
  // Never below the microseconds of the day that it is: so a copy of the file that is put back does not give a number again that somebody
  // has been told since it was made.
  const insert = database.prepare(
    "INSERT INTO change (number, namespace, at, keys) SELECT max(coalesce(max(number), 0) + 1, ?2 * 1000), ?1, ?2, ?3 FROM change",
  );
  const isThere = database.prepare("SELECT 1 FROM change WHERE number = ?");
  const find = database.prepare("SELECT number, logged_from, logged_until FROM namespace WHERE id = ?");
  const loggedUntil = database.prepare("SELECT logged_until FROM namespace WHERE number = ?");
  const begin = database.prepare("UPDATE namespace SET logged_from = ?, logged_until = ? WHERE number = ?");
  const end = database.prepare("UPDATE namespace SET logged_from = NULL, logged_until = NULL WHERE number = ?");
  const goOn = database.prepare("UPDATE namespace SET logged_until = ? WHERE number = ?");
  const bounds = database.prepare("SELECT min(number), max(number) FROM change");
  const rows = database.prepare(
    "SELECT number, keys FROM change WHERE number > ? AND namespace = ? ORDER BY number LIMIT ?",
  );
  const remove = database.prepare(
    // By the order of the numbers: a clock that was ahead has dated some rows later than those after them.
    `DELETE FROM change WHERE number IN (
      SELECT number FROM change
      WHERE number <= (SELECT max(number) FROM change WHERE at <= ?) AND number < (SELECT max(number) FROM change)
      ORDER BY number LIMIT ?)`,
  );
  const watchers = openWatchers(database, clock);

  const ends = (): { first: number; last: number } => {
    const [first, last] = bounds.get() as unknown as [number | null, number | null];
    return { first: first ?? 1, last: last ?? 0 };
  };

  /** Undefined: there is no such namespace. `from`: undefined if its log is not kept; if it is, it is kept on. */
  function look(id: StoredNamespaceId): { readonly namespace: number; readonly from: number | undefined } | undefined {
    const row = find.get(id) as unknown as [number, number | null, number | null] | undefined;
    if (row === undefined) return undefined;
    const [namespace, from, until] = row;
    const now = clock.now();
    if (from === null || until === null || until <= now) return { namespace, from: undefined };
    if (until < now + LOG_KEPT_MS / 2) goOn.run(now + LOG_KEPT_MS, namespace);
    return { namespace, from };
  }

  return {
    era: () => "0", // its numbers tell
    add(namespace, keys) {
      if (keys.length === 0) return;
      const until = (loggedUntil.get(namespace) as unknown as [number | null] | undefined)?.[0] ?? null;
      if (until === null) return;
      // What is not noted ends the log, so that whoever comes back is told, however the clock is set meanwhile.
      if (until <= clock.now()) return void end.run(namespace);
      for (let at = 0; at < keys.length; at += CHANGE_KEYS_MAX)
        insert.run(namespace, clock.now(), JSON.stringify(keys.slice(at, at + CHANGE_KEYS_MAX)));
    },
    last(id) {
      return database.transaction(() => {
        const found = look(id);
        if (found === undefined) return undefined;
        if (found.from !== undefined) return ends().last;
        // A row of no keys: who has read up to an earlier one may have missed what nobody noted.
        insert.run(found.namespace, clock.now(), "[]");
        const { last } = ends();
        begin.run(last, clock.now() + LOG_KEPT_MS, found.namespace);
        return last;
      });
    },
    read(id, after, count) {
      const found = look(id);
      if (found === undefined) return undefined;
      const { first, last } = ends();
      if (found.from === undefined || after < Math.max(found.from, first) || after > last) return "forgotten";
      if (isThere.get(after) === undefined) return "forgotten"; // it was given by another copy of this file
      const changes = rows.all(after, found.namespace, count) as unknown as [number, string][];
      return changes.map(([number, keys]) => ({ number, keys: JSON.parse(keys) as string[] }));
    },
    watch: (_, listener) => watchers.add(listener),
    wake: () => watchers.wake(),
    purge: (now, count) => Number(remove.run(now - CHANGE_LIFETIME_MS, count).changes),
    close: () => watchers.close(),
  };
}
