// What changes entries. Whoever writes to a namespace first counts up the number of its newest change: that locks the namespace's row until he
// has committed. So writers of one namespace go one after the other, changes are numbered in the order in which they become visible,
// and a namespace that was removed takes no more writes.
//
// A short write is one statement, and so one round trip. It begins with that lock, after which it sees the newest of each row it adds or
// replaces (ON CONFLICT does), though its snapshot is older. It relies on nothing else that others may have changed. A removal (DELETE) does not see
// what was added while it waited: of one key that is as if it had come first. Several go by two statements, or of a bulk write that
// it waited for it would remove one half.
//
// No write is asked again once it may have been carried out (session.ts, `once`): between the two others may have read it and written anew.

import type { Clock } from "../../../core/clock.ts";
import {
  CHANGE_KEYS_MAX,
  type EntryStore,
  type EntryWrite,
  type StoredNamespaceId,
  StoreUnavailable,
} from "../store.ts";
import { byteaArray, int8Array, textArray, uuidArray } from "./binary-array.ts";
import { encodeChanges } from "./changed-keys.ts";
import { INLINE_BYTES_MAX, putWhole, type Staged } from "./long-values.ts";
import type { Parameter, Session, Statement } from "./session.ts";

/** Of one statement. Ten thousand pairs of 2 KB go as fast in one as in five, and take five times the memory. */
export const ROWS_MAX = 4000;
const BYTES_MAX = 4 * 1024 * 1024;

const lock = (changes: string, now: string) => `UPDATE kv_namespace SET changes = changes + ${changes},
    forgotten = CASE WHEN logged_until > ${now} THEN forgotten ELSE changes + ${changes} END
  WHERE id = $1 RETURNING number, changes, logged_until > ${now} AS is_logged`;
const put = (source: string) => `INSERT INTO kv_entry AS e (namespace, key, metadata, expiration, value, long, length)
  SELECT ${source}
  ON CONFLICT (namespace, key) DO UPDATE SET
    metadata = excluded.metadata, expiration = excluded.expiration,
    value = excluded.value, long = excluded.long, length = excluded.length, replaced = NULLIF(e.long, excluded.long)
  RETURNING replaced`;
const doom = (column: string, table: string, now: string) =>
  `INSERT INTO kv_doomed (value, since) SELECT ${column}, ${now} FROM ${table} WHERE ${column} IS NOT NULL ON CONFLICT DO NOTHING`;
const logChanges = (changes: string, now: string, keys: string) => `INSERT INTO kv_change (namespace, number, at, keys)
  SELECT n.number, n.changes - ${changes} + c.place, ${now}, c.keys
  FROM n CROSS JOIN unnest(${keys}::bytea[]) WITH ORDINALITY AS c (keys, place) WHERE n.is_logged`;

const WRITE_SHORT: Statement = {
  name: "write-short",
  once: true,
  text: `WITH n AS (${lock("$2::bigint", "$7::bigint")}),
    put AS (${put(`n.number, w.key, w.metadata, w.expiration, w.value, NULL::uuid, NULL::integer
      FROM n CROSS JOIN unnest($3::bytea[], $4::text[], $5::bigint[], $6::bytea[]) AS w (key, metadata, expiration, value)`)}),
    doomed AS (${doom("replaced", "put", "$7::bigint")}),
    logged AS (${logChanges("$2::bigint", "$7::bigint", "$8")})
    SELECT changes FROM n`,
};
const LOCK: Statement = { name: "write-lock", text: lock("$2::bigint", "$3::bigint") };
const PUT: Statement = {
  name: "write-put",
  once: true,
  text: `WITH put AS (${put(`$1::bigint, w.key, w.metadata, w.expiration, w.value, w.long, w.length
      FROM unnest($2::bytea[], $3::text[], $4::bigint[], $5::bytea[], $6::uuid[], $7::bigint[])
        AS w (key, metadata, expiration, value, long, length)`)})
    ${doom("replaced", "put", "$8::bigint")}`,
};
const LOG: Statement = {
  name: "write-log",
  text: `WITH n AS (SELECT $1::bigint AS number, $2::bigint AS changes, true AS is_logged) ${logChanges("$3::bigint", "$4::bigint", "$5")}`,
};
const remove = (namespace: string, keys: string, now: string) => `gone AS (
      DELETE FROM kv_entry e WHERE e.namespace = ${namespace} AND e.key = ANY(${keys}::bytea[]) RETURNING e.key, e.long),
    doomed AS (${doom("long", "gone", now)}),
    logged AS (INSERT INTO kv_change (namespace, number, at, keys)
      SELECT n.number, n.changes - c.place, ${now}, c.keys
      FROM n CROSS JOIN (
        SELECT place, string_agg(key, '\\xff'::bytea) AS keys
        FROM (SELECT key, (row_number() OVER () - 1) / ${CHANGE_KEYS_MAX} AS place FROM gone) numbered GROUP BY place
      ) c WHERE n.is_logged)
    SELECT changes FROM n`;
const REMOVE: Statement = {
  name: "entry-remove",
  once: true,
  text: `WITH n AS (${lock("1", "$3::bigint")}), ${remove("(SELECT number FROM n)", "$2", "$3::bigint")}`,
};
/** After {@link LOCK}. */
const REMOVE_LOCKED: Statement = {
  name: "entry-remove-locked",
  once: true,
  text: `WITH n AS (SELECT $1::bigint AS number, $2::bigint AS changes, $3::boolean AS is_logged),
    ${remove("$1::bigint", "$4", "$5::bigint")}`,
};
/** Taken off the list of what is purged: from here on it is a key's. Not one of which the purge has taken parts (purge.ts). */
const CLAIM: Statement = {
  name: "value-claim",
  text: "DELETE FROM kv_doomed WHERE value = ANY($1::uuid[]) AND since >= 0 RETURNING value",
};

interface WriterDeps {
  readonly session: Session;
  readonly clock: Clock;
  /** Told of each namespace that has changed, when that is under way to be committed or is so. */
  readonly onChanged: (namespace: StoredNamespaceId) => void;
}

export function entryWriter(deps: WriterDeps): Pick<EntryStore, "write" | "remove"> {
  const { session, clock, onChanged } = deps;
  return {
    async write(namespace, writes) {
      if (writes.length === 0) return true;
      const last = lastOfEachKey(writes);
      const written =
        weightOf(last) <= 1 ? await writeShort(deps, namespace, last) : await writeLong(deps, namespace, last);
      if (written) onChanged(namespace);
      return written;
    },
    async remove(namespace, keys) {
      if (keys.length === 0) return;
      const bytes = [...new Set(keys)].map((key) => Buffer.from(key));
      if (bytes.length === 1) await session.query(REMOVE, [namespace, byteaArray(bytes), clock.now()]);
      else await removeMany(deps, namespace, bytes);
      onChanged(namespace);
    },
  };
}

/** Locks first, and then looks for what there is: the statement that waits for the lock does not see what was added meanwhile. */
function removeMany({ session, clock }: WriterDeps, id: string, keys: readonly Buffer[]): Promise<void> {
  return session.atomically(async (unit) => {
    const now = clock.now();
    const changes = Math.ceil(keys.length / CHANGE_KEYS_MAX);
    const [locked] = await unit.query<[number, number, boolean]>(LOCK, [id, changes, now]);
    if (locked === undefined) return;
    const [namespace, newest, isLogged] = locked;
    await unit.query(REMOVE_LOCKED, [namespace, newest, String(isLogged), byteaArray(keys), now]);
  });
}

/** A statement may not write to one row twice. Of a key that is there more than once, the last one counts. */
function lastOfEachKey(writes: readonly EntryWrite[]): readonly EntryWrite[] {
  const last = new Map(writes.map((write) => [write.key, write]));
  return last.size === writes.length ? writes : [...last.values()];
}

/** Bytes, or the id of a long value that is stored already. */
type Content =
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  | { readonly kind: "staged"; readonly id: string; readonly length: number };

function contentOf(value: EntryWrite["value"]): Content {
  if (typeof value === "string") return { kind: "bytes", bytes: Buffer.from(value) };
  if (value instanceof Uint8Array) return { kind: "bytes", bytes: bufferOf(value) };
  const staged = value.staged as Staged;
  if (staged.kind === "short") return { kind: "bytes", bytes: bufferOf(staged.bytes) };
  return { kind: "staged", id: staged.id, length: value.byteLength };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** At most, without encoding it. */
function bytesMaxOf(value: EntryWrite["value"]): number {
  return typeof value === "string" ? value.length * 3 : value.byteLength;
}

/** What part they are of what one statement may write. More than 1: they are too many or too much for one, or one of the values goes to parts. */
export function weightOf(writes: readonly EntryWrite[]): number {
  let weight = writes.length / ROWS_MAX;
  for (const { value } of writes) {
    const length = bytesMaxOf(value);
    if (length > INLINE_BYTES_MAX) return Number.POSITIVE_INFINITY;
    weight += length / BYTES_MAX;
  }
  return weight;
}

async function writeShort(
  { session, clock }: WriterDeps,
  namespace: string,
  writes: readonly EntryWrite[],
): Promise<boolean> {
  const keys = writes.map(({ key }) => Buffer.from(key));
  const changes = encodeChanges(keys);
  const rows = await session.query(WRITE_SHORT, [
    namespace,
    changes.length,
    byteaArray(keys),
    textArray(writes.map(({ metadata }) => metadata)),
    int8Array(writes.map(({ expiration }) => expiration)),
    byteaArray(writes.map(({ value }) => (contentOf(value) as Content & { readonly kind: "bytes" }).bytes)),
    clock.now(),
    byteaArray(changes),
  ]);
  return rows.length > 0;
}

function writeLong({ session, clock }: WriterDeps, id: string, writes: readonly EntryWrite[]): Promise<boolean> {
  return session.atomically(async (unit) => {
    const keys = writes.map(({ key }) => Buffer.from(key));
    const changes = encodeChanges(keys);
    const now = clock.now();
    const [locked] = await unit.query<[number, number, boolean]>(LOCK, [id, changes.length, now]);
    if (locked === undefined) return false;
    const [namespace, newest, isLogged] = locked;
    await claim(unit, writes);
    for (const portion of portions(writes)) await unit.query(PUT, await parametersOf(unit, namespace, portion, now));
    if (isLogged) await unit.query(LOG, [namespace, newest, changes.length, now, byteaArray(changes)]);
    return true;
  });
}

/** What fits into a statement each. Each has at least one. */
function* portions(writes: readonly EntryWrite[]): Iterable<readonly EntryWrite[]> {
  let portion: EntryWrite[] = [];
  let bytes = 0;
  for (const write of writes) {
    const length = Math.min(INLINE_BYTES_MAX, bytesMaxOf(write.value)); // a longer one goes to parts
    if (portion.length === ROWS_MAX || (portion.length > 0 && bytes + length > BYTES_MAX)) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(write);
    bytes += length;
  }
  yield portion;
}

async function parametersOf(
  unit: Session,
  namespace: number,
  writes: readonly EntryWrite[],
  now: number,
): Promise<readonly Parameter[]> {
  const values: (Buffer | null)[] = [];
  const longs: (string | null)[] = [];
  const lengths: (number | null)[] = [];
  for (const { value } of writes) {
    const content = contentOf(value);
    const isInline = content.kind === "bytes" && content.bytes.byteLength <= INLINE_BYTES_MAX;
    values.push(isInline ? content.bytes : null);
    if (content.kind === "staged") longs.push(content.id);
    else longs.push(isInline ? null : await putWhole(unit, content.bytes));
    if (content.kind === "staged") lengths.push(content.length);
    else lengths.push(isInline ? null : content.bytes.byteLength);
  }
  return [
    namespace,
    byteaArray(writes.map(({ key }) => Buffer.from(key))),
    textArray(writes.map(({ metadata }) => metadata)),
    int8Array(writes.map(({ expiration }) => expiration)),
    byteaArray(values),
    uuidArray(longs),
    int8Array(lengths),
    now,
  ];
}

/** Makes the staged values theirs. */
async function claim(unit: Session, writes: readonly EntryWrite[]): Promise<void> {
  const staged = writes.flatMap(({ value }) => {
    const content = contentOf(value);
    return content.kind === "staged" ? [content.id] : [];
  });
  if (staged.length === 0) return;
  const claimed = await unit.query<[string]>(CLAIM, [uuidArray(staged)]);
  if (claimed.length === staged.length) return;
  throw new StoreUnavailable("a value took so long to be sent that what had come of it was removed");
}
