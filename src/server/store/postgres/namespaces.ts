// The namespaces, in the table kv_namespace. Titles go in and out as bytes, since they may hold a NUL.

import { randomUUID } from "node:crypto";
import { drawId } from "../draw-id.ts";
import type { Clock } from "../../../core/clock.ts";
import type { NamespaceStore, StoredNamespace, StoredNamespaceId } from "../store.ts";
import type { Session, Statement } from "./session.ts";

type Row = readonly [id: string, title: Buffer, jurisdiction: string | null, mode: string | null];

const COLUMNS = "SELECT id, title, jurisdiction, mode FROM kv_namespace";
const FIND: Statement = { name: "namespace-find", text: `${COLUMNS} WHERE id = $1 AND account = $2` };
const COUNT: Statement = { name: "namespace-count", text: "SELECT count(*) FROM kv_namespace WHERE account = $1" };
const ACCOUNTS: Statement = {
  name: "namespace-accounts",
  text: "SELECT DISTINCT account FROM kv_namespace ORDER BY account",
};
const INSERT: Statement = {
  name: "namespace-insert",
  text: `INSERT INTO kv_namespace (account, id, title, jurisdiction, mode) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING RETURNING id`,
};
const HOLDER: Statement = {
  name: "namespace-holder",
  text: "SELECT id FROM kv_namespace WHERE account = $1 AND title = $2",
};
const RENAME: Statement = {
  name: "namespace-rename",
  text: "UPDATE kv_namespace SET title = $3 WHERE account = $1 AND id = $2 RETURNING id",
};
const REMOVE: Statement = {
  name: "namespace-remove",
  text: `WITH gone AS (DELETE FROM kv_namespace WHERE id = $1 RETURNING number, id)
    INSERT INTO kv_dropped (number, id, request) SELECT number, id, $2::uuid FROM gone RETURNING number`,
};
const REMOVED_BY: Statement = {
  name: "namespace-removed-by",
  text: "SELECT number FROM kv_dropped WHERE id = $1 AND request = $2::uuid",
};

/** What is not known beforehand, and must be the same when what may have been done is asked again. */
export interface Draw {
  /** 32 lower-case hexadecimal digits, as KV ids are. */
  namespaceId(): StoredNamespaceId;
  /** By which who removed a namespace knows that he did. */
  request(): string;
}

interface NamespaceDeps {
  readonly session: Session;
  /** Of what is drawn for this session: in a transaction that is run again, the same once more. */
  readonly draw: Draw;
  /** Told of each that was removed. */
  readonly onRemoved: (id: StoredNamespaceId) => void;
}

export function namespaceStore({ session, draw, onRemoved }: NamespaceDeps): NamespaceStore {
  return {
    async find(account, id) {
      if (!isNamespaceId(id)) return undefined;
      const [row] = await session.query<Row>(FIND, [id, account]);
      return row && toNamespace(row);
    },
    async list(account, { order, direction, offset, count }) {
      const statement = {
        name: `namespace-list-${order}-${direction}`,
        text: `${COLUMNS} WHERE account = $1 ORDER BY ${order} ${direction} LIMIT $2 OFFSET $3`,
      };
      return (await session.query<Row>(statement, [account, count, offset])).map(toNamespace);
    },
    async count(account) {
      const [row] = await session.query<[number]>(COUNT, [account]);
      return row?.[0] ?? 0;
    },
    async accounts() {
      return (await session.query<[string]>(ACCOUNTS, [])).map(([account]) => account);
    },
    async create(account, title, { jurisdiction, mode } = {}) {
      // Drawn before the first try: if that one's answer is lost, the second finds its own namespace.
      let id = draw.namespaceId();
      for (;;) {
        const holder = await session.atomically(async (unit, isRepeated) => {
          const [made] = await unit.query(INSERT, [
            account,
            id,
            Buffer.from(title),
            jurisdiction ?? null,
            mode ?? null,
          ]);
          if (made !== undefined) return "new";
          const [row] = await unit.query<[string]>(HOLDER, [account, Buffer.from(title)]);
          return isRepeated && row?.[0] === id ? "new" : row?.[0];
        });
        if (holder === "new") return { id, title, jurisdiction, mode };
        if (holder !== undefined) return undefined;
        id = draw.namespaceId(); // it was another namespace's
      }
    },
    rename: (account, id, title) =>
      session.atomically(async (unit) => {
        const [holder] = await unit.query<[string]>(HOLDER, [account, Buffer.from(title)]);
        if (holder !== undefined && holder[0] !== id) return "taken";
        // If another one takes the title just now this fails, and is asked again from the start.
        const [renamed] = isNamespaceId(id) ? await unit.query(RENAME, [account, id, Buffer.from(title)]) : [];
        return renamed === undefined ? "gone" : "renamed";
      }),
    async remove(id) {
      if (!isNamespaceId(id)) return false;
      const request = draw.request();
      const removed = await session.atomically(async (unit, isRepeated) => {
        const rows = await unit.query(REMOVE, [id, request]);
        return rows.length > 0 || (isRepeated && (await unit.query(REMOVED_BY, [id, request])).length > 0);
      });
      if (removed) onRemoved(id);
      return removed;
    },
  };
}

function toNamespace([id, title, jurisdiction, mode]: Row): StoredNamespace {
  return { id, title: title.toString(), jurisdiction: jurisdiction ?? undefined, mode: mode ?? undefined };
}

/** What is none need not be asked for; PostgreSQL would refuse some of it. */
function isNamespaceId(id: string): boolean {
  return /^[0-9a-f]{32}$/.test(id);
}

export function drawBy(clock: Clock): Draw {
  return { namespaceId: () => drawId(clock), request: randomUUID };
}

/** Draws as `draw` does, and the same from the start again after each call of `again`. */
export function drawAgain(draw: Draw): Draw & { readonly again: () => void } {
  const drawn: string[] = [];
  let at = 0;
  const next = (first: () => string) => (drawn[at++] ??= first());
  return {
    namespaceId: () => next(() => draw.namespaceId()),
    request: () => next(() => draw.request()),
    again: () => void (at = 0),
  };
}
