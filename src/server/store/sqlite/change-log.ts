// The log of what changed: a row for each transaction in a namespace, with the keys, numbered in one row for all namespaces. So it costs
// little beside what it tells of, and a number that has been given tells how far one has read, whatever the namespace.

import type { Clock, EpochMs } from "../../../core/clock.ts";
import { type AtOnce, CHANGE_KEYS_MAX, CHANGE_LIFETIME_MS, type ChangeLog } from "../store.ts";
import type { Database } from "./database.ts";
import { openNamespaceNumbers } from "./namespaces.ts";

/** How often one looks whether another process has written to the file, while somebody wants to know. */
const LOOK_MS = 250;

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
  const find = openNamespaceNumbers(database);
  const insert = database.prepare("INSERT INTO change (namespace, at, keys) VALUES (?, ?, ?)");
  const bounds = database.prepare("SELECT min(number), max(number) FROM change");
  const rows = database.prepare(
    "SELECT number, keys FROM change WHERE number > ? AND namespace = ? ORDER BY number LIMIT ?",
  );
  const remove = database.prepare(
    "DELETE FROM change WHERE number IN (SELECT number FROM change WHERE at <= ? AND number < (SELECT max(number) FROM change) ORDER BY number LIMIT ?)",
  );
  const version = database.prepare("PRAGMA data_version");
  const listeners = new Set<() => void>();
  let looking: AbortController | undefined;

  const ends = (): { first: number; last: number } => {
    const [first, last] = bounds.get() as unknown as [number | null, number | null];
    return { first: first ?? 1, last: last ?? 0 };
  };
  const wake = (): void => {
    for (const listener of listeners) listener();
  };

  const versionNow = (): unknown => (version.get() as unknown as [number])[0];

  async function look(signal: AbortSignal): Promise<void> {
    for (let known = versionNow(); ;) {
      await clock.sleep(LOOK_MS, signal);
      const found = versionNow();
      if (found !== known) wake();
      known = found;
    }
  }

  return {
    add(namespace, keys) {
      for (let at = 0; at < keys.length; at += CHANGE_KEYS_MAX)
        insert.run(namespace, clock.now(), JSON.stringify(keys.slice(at, at + CHANGE_KEYS_MAX)));
    },
    last: (id) => (find(id) === undefined ? undefined : ends().last),
    read(id, after, count) {
      const namespace = find(id);
      if (namespace === undefined) return undefined;
      const { first, last } = ends();
      if (after < first - 1 || after > last) return "forgotten";
      const found = rows.all(after, namespace, count) as unknown as [number, string][];
      return found.map(([number, keys]) => ({ number, keys: JSON.parse(keys) as string[] }));
    },
    watch(_, listener) {
      const told = (): void => listener();
      listeners.add(told);
      if (looking === undefined) {
        looking = new AbortController();
        const { signal } = looking;
        look(signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
      }
      return () => {
        listeners.delete(told);
        if (listeners.size > 0) return;
        looking?.abort();
        looking = undefined;
      };
    },
    wake,
    purge: (now, count) => Number(remove.run(now - CHANGE_LIFETIME_MS, count).changes),
    close() {
      looking?.abort();
      listeners.clear();
    },
  };
}
