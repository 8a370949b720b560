// The entries, as they are read. A key is looked for below the number of its namespace, which the same statement asks for: so a namespace
// that was removed is gone at once, whatever is left of it.

import { successor } from "../key-successor.ts";
import type { EntryReader, ListedRow, QuotedEntry, StoredEntry } from "../store.ts";
import { compareUtf8 } from "../../../core/key.ts";
import { quoted, wholeValue } from "../quoted.ts";
import { byteaArray } from "./binary-array.ts";
import { longValue } from "./long-values.ts";
import type { Session, Statement } from "./session.ts";

const NAMESPACE = "(SELECT number FROM kv_namespace WHERE id = $1)";
const visible = (now: string) => `(e.expiration IS NULL OR e.expiration > ${now})`;

const READ: Statement = {
  name: "entry-read",
  text: `SELECT e.value, e.long, e.length, e.metadata, e.expiration
    FROM kv_entry e WHERE e.namespace = ${NAMESPACE} AND e.key = $2 AND ${visible("$3")}`,
};
const READ_METADATA: Statement = {
  name: "entry-metadata",
  text: `SELECT e.metadata FROM kv_entry e WHERE e.namespace = ${NAMESPACE} AND e.key = $2 AND ${visible("$3")}`,
};
const LIST: Statement = {
  name: "entry-list",
  text: `SELECT e.key, e.metadata, e.expiration FROM kv_entry e
    WHERE e.namespace = ${NAMESPACE} AND e.key >= $2 AND ${visible("$3")} ORDER BY e.namespace, e.key LIMIT $4`,
};
const LIST_PREFIX: Statement = {
  name: "entry-list-prefix",
  text: `SELECT e.key, e.metadata, e.expiration FROM kv_entry e
    WHERE e.namespace = ${NAMESPACE} AND e.key >= $2 AND ${visible("$3")} AND e.key < $5 ORDER BY e.namespace, e.key LIMIT $4`,
};
/** One statement, so one moment. Values that would be too much are not sent. */
const READ_MANY: Statement = {
  name: "entry-read-many",
  text: `WITH found AS (
      SELECT k.place, e.value, e.long, coalesce(e.length, octet_length(e.value)) AS length, e.metadata, e.expiration
      FROM unnest($2::bytea[]) WITH ORDINALITY AS k (key, place)
      JOIN kv_entry e ON e.namespace = ${NAMESPACE} AND e.key = k.key
      WHERE ${visible("$3")}
    ), total AS (SELECT coalesce(sum(length), 0)::bigint AS bytes FROM found)
    SELECT f.place, CASE WHEN t.bytes <= $4 THEN f.value END, f.long, f.length, f.metadata, f.expiration, t.bytes
    FROM found f CROSS JOIN total t`,
};

const NOTHING = new Uint8Array();

type ReadRow = readonly [
  value: Buffer | null,
  long: string | null,
  length: number | null,
  metadata: string | null,
  expiration: number | null,
];
type ManyRow = readonly [
  place: number,
  value: Buffer | null,
  long: string | null,
  length: number,
  metadata: string | null,
  expiration: number | null,
  total: number,
];

interface ReaderDeps {
  readonly session: Session;
  /** By which the parts of a long value are read, also when the transaction is over that found it. */
  readonly pool: Session;
}

export function entryReader({ session, pool }: ReaderDeps): EntryReader {
  /** A transaction that waited for another connection could wait for ever, where each has one and wants one more. */
  const partsOf = () => (session.isOver() ? pool : session);
  return {
    async read(namespace, key, now): Promise<StoredEntry | undefined> {
      const [row] = await session.query<ReadRow>(READ, [namespace, Buffer.from(key), now]);
      if (row === undefined) return undefined;
      const [value, long, length, metadata, expiration] = row;
      return {
        value: long === null ? (value ?? NOTHING) : longValue(partsOf, long, length ?? 0),
        metadata,
        expiration,
      };
    },
    async readQuoted(namespace, keys, bytesMax, now) {
      const parameters = [namespace, byteaArray(keys.map((key) => Buffer.from(key))), now, bytesMax];
      const rows = await session.query<ManyRow>(READ_MANY, parameters);
      if (rows[0] !== undefined && rows[0][6] > bytesMax) return "too-large";
      const entries = Array.from<QuotedEntry | undefined>({ length: keys.length }).fill(undefined);
      for (const [place, value, long, length, metadata, expiration] of rows) {
        const bytes = await wholeValue(long === null ? (value ?? NOTHING) : longValue(partsOf, long, length));
        entries[place - 1] = quoted(bytes, { metadata, expiration });
      }
      return entries;
    },
    async readMetadata(namespace, key, now) {
      const [row] = await session.query<[string | null]>(READ_METADATA, [namespace, Buffer.from(key), now]);
      return row && { metadata: row[0] };
    },
    async list(namespace, { after, prefix, limit }, now) {
      const from = Buffer.from(after !== "" && compareUtf8(after, prefix) >= 0 ? `${after}\u0000` : prefix);
      const rows =
        prefix === ""
          ? await session.query<RawRow>(LIST, [namespace, from, now, limit])
          : await session.query<RawRow>(LIST_PREFIX, [namespace, from, now, limit, successor(prefix)]);
      return rows.map(([key, metadata, expiration]): ListedRow => [key.toString(), metadata, expiration]);
    },
  };
}

type RawRow = readonly [key: Buffer, metadata: string | null, expiration: number | null];
