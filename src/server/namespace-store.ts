// The namespaces table: which namespaces an account has, under which id and title.

import type { Clock } from "../core/clock.ts";
import type { Database } from "./database.ts";

/** A namespace as the store knows it. */
export interface StoredNamespace {
  /** Its number in the database; other tables refer to it. */
  readonly number: number;
  readonly id: string;
  readonly title: string;
  /** As it was created with. */
  readonly jurisdiction?: string | undefined;
  readonly mode?: string | undefined;
}

/** What a namespace is created with, besides its title. */
export type NamespaceKind = Pick<StoredNamespace, "jurisdiction" | "mode">;

interface NamespacePage {
  readonly order: "id" | "title";
  readonly direction: "asc" | "desc";
  readonly offset: number;
  readonly count: number;
}

interface NamespaceReader {
  find(account: string, id: string): StoredNamespace | undefined;
  list(account: string, page: NamespacePage): StoredNamespace[];
  count(account: string): number;
  /** The accounts that have a namespace. */
  accounts(): string[];
}

/** Of a store that takes no writes. */
export interface ReadOnlyNamespaces extends NamespaceReader {
  readonly isReadOnly: true;
}

export interface NamespaceStore extends NamespaceReader {
  /** Undefined: the account has a namespace of that title already. */
  create(account: string, title: string, kind?: NamespaceKind): StoredNamespace | undefined;
  /** False: another namespace of the account has that title. */
  rename(account: string, namespace: StoredNamespace, title: string): boolean;
  /** Its entries are gone for readers at once, and from the file little by little. False: it was gone already. */
  remove(namespace: StoredNamespace): boolean;
}

type Row = [number, string, string, string | null, string | null];

export function namespaceStore(database: Database, clock: Clock): NamespaceStore {
  const columns = "SELECT number, id, title, jurisdiction, mode FROM namespace";
  const find = database.prepare(`${columns} WHERE id = ? AND account = ?`);
  const findTitle = database.prepare("SELECT number FROM namespace WHERE account = ? AND title = ?");
  const count = database.prepare("SELECT count(*) FROM namespace WHERE account = ?");
  const accounts = database.prepare("SELECT DISTINCT account FROM namespace ORDER BY account");
  const insert = database.prepare(
    "INSERT INTO namespace (account, id, title, jurisdiction, mode) VALUES (?, ?, ?, ?, ?) RETURNING number",
  );
  const update = database.prepare("UPDATE namespace SET title = ? WHERE number = ?");
  const remove = database.prepare("DELETE FROM namespace WHERE number = ?");
  const drop = database.prepare("INSERT INTO dropped (number) VALUES (?)");
  const findId = database.prepare("SELECT 1 FROM namespace WHERE id = ?");

  function unusedId(): string {
    for (;;) {
      const id = drawId(clock);
      if (findId.get(id) === undefined) return id;
    }
  }

  return {
    find(account, id) {
      const row = find.get(id, account) as unknown as Row | undefined;
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
        const [number] = insert.get(account, id, title, jurisdiction ?? null, mode ?? null) as unknown as [number];
        return { number, id, title, jurisdiction, mode };
      });
    },
    rename(account, namespace, title) {
      return database.transaction(() => {
        const holder = findTitle.get(account, title) as unknown as [number] | undefined;
        if (holder !== undefined && holder[0] !== namespace.number) return false;
        update.run(title, namespace.number);
        return true;
      });
    },
    remove(namespace) {
      return database.transaction(() => {
        if (remove.run(namespace.number).changes !== 1) return false;
        drop.run(namespace.number);
        return true;
      });
    },
  };
}

function toNamespace([number, id, title, jurisdiction, mode]: Row): StoredNamespace {
  return { number, id, title, jurisdiction: jurisdiction ?? undefined, mode: mode ?? undefined };
}

/** 32 lower-case hexadecimal digits, as KV ids are. */
function drawId(clock: Clock): string {
  let id = "";
  for (let i = 0; i < 4; i++)
    id += Math.floor(clock.random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return id;
}
