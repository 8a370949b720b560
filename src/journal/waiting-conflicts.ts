// Conflicts that wait for a person, as the rounds of a mapping last found them: the first of each mapping, so that they can be listed
// without a request. What becomes of a key is never decided from here: that takes a look at both sides.

import type { EpochMs } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import { type Journal, transaction } from "./journal.ts";

export interface WaitingConflict {
  readonly key: Key;
  /** When a round first found it. */
  readonly since: EpochMs;
  /** Both versions, as text that mapping/conflicts/ makes and reads. */
  readonly versions: string;
}

export interface WaitingConflicts {
  /** In the order of their keys. */
  list(mapping: string): readonly WaitingConflict[];
  /** Of these keys those that are known to wait. */
  among(mapping: string, keys: readonly Key[]): readonly WaitingConflict[];
  /** One transaction. */
  change(mapping: string, change: { readonly put: readonly WaitingConflict[]; readonly remove: readonly Key[] }): void;
  clear(mapping: string): void;
}

interface Row {
  readonly key: string;
  readonly since_ms: number;
  readonly versions: string;
}

export function openWaitingConflicts({ database }: Journal): WaitingConflicts {
  const columns = "CAST(key AS TEXT) AS key, since_ms, versions";
  const select = database.prepare(`SELECT ${columns} FROM waiting_conflict WHERE mapping = ? ORDER BY key`);
  const selectOne = database.prepare(`SELECT ${columns} FROM waiting_conflict WHERE mapping = ? AND key = ?`);
  const insert = database.prepare("INSERT OR REPLACE INTO waiting_conflict VALUES (?, ?, ?, ?)");
  const remove = database.prepare("DELETE FROM waiting_conflict WHERE mapping = ? AND key = ?");
  const removeAll = database.prepare("DELETE FROM waiting_conflict WHERE mapping = ?");
  return {
    list: (mapping) => (select.all(mapping) as unknown as Row[]).map(conflictOf),
    among: (mapping, keys) =>
      keys.flatMap((key) => {
        const row = selectOne.get(mapping, Buffer.from(key)) as Row | undefined;
        return row === undefined ? [] : [conflictOf(row)];
      }),
    change: (mapping, change) => {
      if (change.put.length + change.remove.length === 0) return;
      transaction(database, () => {
        for (const key of change.remove) remove.run(mapping, Buffer.from(key));
        for (const { key, since, versions } of change.put) insert.run(mapping, Buffer.from(key), since, versions);
      });
    },
    clear: (mapping) => void removeAll.run(mapping),
  };
}

function conflictOf({ key, since_ms: since, versions }: Row): WaitingConflict {
  return { key: key as Key, since: since as EpochMs, versions };
}
