// The namespaces table: which namespaces an account has, under which id and title.

import { drawId } from "../draw-id.ts";
import type { Clock } from "../../../core/clock.ts";
import type { AtOnce, NamespaceStore, StoredNamespace, StoredNamespaceId } from "../store.ts";
import type { Database } from "./database.ts";

type Row = [id: string, title: string, jurisdiction: string | null, mode: string | null, number: number];

export interface SqliteNamespaces extends AtOnce<NamespaceStore> {
  /** What other tables know a namespace by; undefined: there is no such namespace. The number of one that was found lately is not looked up again:
   * whoever asks for entries has found their namespace just before. */
  readonly numberOf: (id: StoredNamespaceId) => number | undefined;
}

const KNOWN_MAX = 10_000;

export function openNamespaces(database: Database, clock: Clock): SqliteNamespaces {
  const known = new Map<StoredNamespaceId, number>();
  const numberOf = database.prepare("SELECT number FROM namespace WHERE id = ?");
  const columns = "SELECT id, title, jurisdiction, mode, number FROM namespace";
  const find = database.prepare(`${columns} WHERE id = ? AND account = ?`);
  const findTitle = database.prepare("SELECT id FROM namespace WHERE account = ? AND title = ?");
  const count = database.prepare("SELECT count(*) FROM namespace WHERE account = ?");
  const accounts = database.prepare("SELECT DISTINCT account FROM namespace ORDER BY account");
  const insert = database.prepare(
    "INSERT INTO namespace (account, id, title, jurisdiction, mode) VALUES (?, ?, ?, ?, ?)",
  );
  const update = database.prepare("UPDATE namespace SET title = ? WHERE id = ? AND account = ?");
  const remove = database.prepare("DELETE FROM namespace WHERE id = ? RETURNING number");
  const drop = database.prepare("INSERT INTO dropped (number) VALUES (?)");
  const findId = database.prepare("SELECT 1 FROM namespace WHERE id = ?");

  function unusedId(): string {
    for (;;) {
      const id = drawId(clock);
      if (findId.get(id) === undefined) return id;
    }
  }

  function remember(id: StoredNamespaceId, number: number): void {
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(id, number);
  }

  return {
    numberOf: (id) => known.get(id) ?? (numberOf.get(id) as unknown as [number] | undefined)?.[0],
    find(account, id) {
      const row = find.get(id, account) as unknown as Row | undefined;
      if (row === undefined) known.delete(id);
      else remember(id, row[4]);
      return row && toNamespace(row);
    },
    list(account, { order, direction, offset, count }) {
      const statement = database.prepare(
        `${columns} WHERE account = ? ORDER BY ${order} ${direction} LIMIT ? OFFSET ?`,
      );
      return (statement.all(account, count, offset) as unknown as Row[]).map(toNamespace);
    },
    count: (account) => (count.get(account) as unknown as [number])[0],
    accounts: () => (accounts.all() as unknown as [string][]).map(([account]) => account),
    create(account, title, { jurisdiction, mode } = {}) {
      return database.transaction(() => {
        if (findTitle.get(account, title) !== undefined) return undefined;
        const id = unusedId();
        insert.run(account, id, title, jurisdiction ?? null, mode ?? null);
        return { id, title, jurisdiction, mode };
      });
    },
    rename(account, id, title) {
      return database.transaction(() => {
        const holder = findTitle.get(account, title) as unknown as [string] | undefined;
        if (holder !== undefined && holder[0] !== id) return "taken";
        return update.run(title, id, account).changes === 1 ? "renamed" : "gone";
      });
    },
    remove(id) {
      return database.transaction(() => {
        known.delete(id);
        const row = remove.get(id) as unknown as [number] | undefined;
        if (row !== undefined) drop.run(row[0]);
        return row !== undefined;
      });
    },
  };
}

function toNamespace([id, title, jurisdiction, mode]: Row): StoredNamespace {
  return { id, title, jurisdiction: jurisdiction ?? undefined, mode: mode ?? undefined };
}
