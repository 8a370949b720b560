// The entries of all namespaces: keys in byte order, with metadata and expiration; and their values.
//
// Keys and text values go in and out as strings which SQLite casts to and from UTF-8 bytes: that saves a Buffer for
// each. An entry whose expiration has come (`now >= expiration`) is invisible everywhere, whether purged or not.

import { isUtf8 } from "node:buffer";
import type { ByteCount, EpochSeconds } from "../core/clock.ts";
import { compareUtf8 } from "../core/key.ts";
import type { Database } from "./database.ts";

/** What is stored under a key. */
export interface StoredEntry {
  readonly bytes: Uint8Array;
  /** Compact JSON text; null: none. */
  readonly metadata: string | null;
  readonly expiration: number | null;
}

/** An entry with its value as JSON. */
export interface QuotedEntry extends Pick<StoredEntry, "metadata" | "expiration"> {
  /** A JSON string; undefined: the value is no UTF-8. */
  readonly json: string | undefined;
  /** Of the value. */
  readonly byteLength: ByteCount;
}

/** One row of a listing: key, metadata, expiration. An array, as SQLite gives it: listings are hot. */
export type ListedRow = readonly [key: string, metadata: string | null, expiration: number | null];

export interface EntryWrite {
  readonly key: string;
  /** A string is stored as its UTF-8 bytes. */
  readonly value: string | Uint8Array;
  readonly metadata: string | null;
  readonly expiration: number | null;
}

export interface KeyRange {
  /** Only keys after this one; "": from the start. */
  readonly after: string;
  readonly prefix: string;
  readonly limit: number;
}

/** What is read of entries. A store of this process answers at once, so that no request comes in between; another one promises to. */
interface EntryReader {
  read(namespace: number, key: string, now: EpochSeconds): Soon<StoredEntry | undefined>;
  readQuoted(namespace: number, key: string, now: EpochSeconds): Soon<QuotedEntry | undefined>;
  readMetadata(
    namespace: number,
    key: string,
    now: EpochSeconds,
  ): Soon<{ readonly metadata: string | null } | undefined>;
  list(namespace: number, range: KeyRange, now: EpochSeconds): Soon<ListedRow[]>;
}

type Soon<T> = T | Promise<T>;

/** Of a store that takes no writes: all of these are refused. */
export interface ReadOnlyEntries extends EntryReader {
  readonly isReadOnly: true;
}

export interface EntryStore extends EntryReader {
  read(namespace: number, key: string, now: EpochSeconds): StoredEntry | undefined;
  /** Quoted by SQLite, which takes half the time of bytes that become a string that becomes JSON. */
  readQuoted(namespace: number, key: string, now: EpochSeconds): QuotedEntry | undefined;
  /** Undefined: there is no such key. */
  readMetadata(namespace: number, key: string, now: EpochSeconds): { readonly metadata: string | null } | undefined;
  /** Rows in UTF-8 byte order of their keys. */
  list(namespace: number, range: KeyRange, now: EpochSeconds): ListedRow[];
  /** All of `writes` in one transaction; fastest when they come in key order. False: nothing was written, since the
   * namespace has been deleted (by another process, after it was looked up). */
  write(namespace: number, writes: readonly EntryWrite[], now: EpochSeconds): boolean;
  remove(namespace: number, keys: readonly string[], now: EpochSeconds): void;
  /** Deletes up to `count` entries that expired or whose namespace was deleted. Returns how many there were. */
  purge(now: EpochSeconds, count: number): number;
}

export function entryStore(database: Database): EntryStore {
  const reading = readStatements(database);
  const writing = writeStatements(database);

  function removeRow(namespace: number, key: string | Uint8Array): void {
    const row = writing.remove.get(namespace, key) as unknown as [number] | undefined;
    if (row !== undefined) writing.removeValue.run(row[0]);
  }

  function read(namespace: number, key: string, now: EpochSeconds): StoredEntry | undefined {
    const row = reading.read.get(namespace, key, now) as unknown as
      | [Uint8Array, string | null, number | null]
      | undefined;
    return row && { bytes: row[0], metadata: row[1], expiration: row[2] };
  }

  return {
    read,
    readQuoted(namespace, key, now) {
      const row = reading.quoted.get(namespace, key, now) as unknown as
        | [string, number, string | null, number | null]
        | undefined;
      if (row === undefined) return undefined;
      const [json, byteLength, metadata, expiration] = row;
      if (!json.includes(REPLACEMENT)) return { json, byteLength, metadata, expiration };
      // It was stored so, or it stands for bytes that are no UTF-8.
      const entry = read(namespace, key, now);
      return entry && quoted(entry);
    },
    readMetadata(namespace, key, now) {
      const row = reading.metadata.get(namespace, key, now) as unknown as [string | null] | undefined;
      return row && { metadata: row[0] };
    },
    list(namespace, { after, prefix, limit }, now) {
      // One lower bound: with two, SQLite seeks to one of them and steps over all that lies between.
      const from = after !== "" && compareUtf8(after, prefix) >= 0 ? `${after}\u0000` : prefix;
      const rows =
        prefix === ""
          ? reading.list.all(namespace, from, now, limit)
          : reading.listPrefix.all(namespace, from, successor(prefix), now, limit);
      return rows as unknown as ListedRow[];
    },
    write(namespace, writes) {
      return database.transaction(() => {
        if (writing.namespace.get(namespace) === undefined) return false;
        let nextValue = (writing.lastValue.get() as unknown as [number])[0] + 1;
        for (const { key, value, metadata, expiration } of writes) {
          const row = writing.find.get(namespace, key) as unknown as [number] | undefined;
          const id = row === undefined ? nextValue++ : row[0];
          if (row === undefined) writing.insert.run(namespace, key, metadata, expiration, id);
          else writing.update.run(metadata, expiration, namespace, key);
          writing.replaceValue.run(id, value);
        }
        return true;
      });
    },
    remove(namespace, keys) {
      database.transaction(() => {
        for (const key of keys) removeRow(namespace, key);
      });
    },
    purge(now, count) {
      const expired = writing.expired.all(now, count) as unknown as [number, Uint8Array][];
      const dropped = writing.dropped.get() as unknown as [number] | undefined;
      if (expired.length === 0 && dropped === undefined) return 0;
      return database.transaction(() => {
        // Asked again inside the transaction: another process may have rewritten a key meanwhile.
        const gone = writing.expired.all(now, count) as unknown as [number, Uint8Array][];
        for (const [namespace, key] of gone) removeRow(namespace, key);
        if (dropped === undefined) return gone.length;
        const orphans = writing.orphans.all(dropped[0], count) as unknown as [Uint8Array][];
        for (const [key] of orphans) removeRow(dropped[0], key);
        if (orphans.length < count) writing.forget.run(dropped[0]);
        return gone.length + orphans.length + 1;
      });
    },
  };
}

/** What bytes that are no UTF-8 become in a string. */
const REPLACEMENT = "\ufffd";

export function quoted({ bytes, metadata, expiration }: StoredEntry): QuotedEntry {
  const text = isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString() : undefined;
  return {
    json: text === undefined ? undefined : JSON.stringify(text),
    byteLength: bytes.byteLength,
    metadata,
    expiration,
  };
}

const visible = "(e.expiration IS NULL OR e.expiration > ?)";

function readStatements(database: Database) {
  const row =
    "SELECT CAST(e.key AS TEXT), e.metadata, e.expiration FROM entry e WHERE e.namespace = ? AND e.key >= CAST(? AS BLOB)";
  const one = `e.metadata, e.expiration FROM entry e JOIN value v ON v.id = e.value
    WHERE e.namespace = ? AND e.key = CAST(? AS BLOB) AND ${visible}`;
  return {
    read: database.prepare(`SELECT v.bytes, ${one}`),
    quoted: database.prepare(`SELECT json_quote(CAST(v.bytes AS TEXT)), length(v.bytes), ${one}`),
    metadata: database.prepare(
      `SELECT e.metadata FROM entry e WHERE e.namespace = ? AND e.key = CAST(? AS BLOB) AND ${visible}`,
    ),
    list: database.prepare(`${row} AND ${visible} ORDER BY e.key LIMIT ?`),
    listPrefix: database.prepare(`${row} AND e.key < ? AND ${visible} ORDER BY e.key LIMIT ?`),
  };
}

function writeStatements(database: Database) {
  const one = "WHERE namespace = ? AND key = CAST(? AS BLOB)";
  return {
    namespace: database.prepare("SELECT 1 FROM namespace WHERE number = ?"),
    lastValue: database.prepare("SELECT coalesce(max(id), 0) FROM value"),
    find: database.prepare(`SELECT value FROM entry ${one}`),
    insert: database.prepare(
      "INSERT INTO entry (namespace, key, metadata, expiration, value) VALUES (?, CAST(? AS BLOB), ?, ?, ?)",
    ),
    update: database.prepare(`UPDATE entry SET metadata = ?, expiration = ? ${one}`),
    replaceValue: database.prepare("INSERT OR REPLACE INTO value (id, bytes) VALUES (?, CAST(? AS BLOB))"),
    remove: database.prepare(`DELETE FROM entry ${one} RETURNING value`),
    removeValue: database.prepare("DELETE FROM value WHERE id = ?"),
    expired: database.prepare("SELECT namespace, key FROM entry WHERE expiration <= ? ORDER BY expiration LIMIT ?"),
    dropped: database.prepare("SELECT number FROM dropped LIMIT 1"),
    orphans: database.prepare("SELECT key FROM entry WHERE namespace = ? LIMIT ?"),
    forget: database.prepare("DELETE FROM dropped WHERE number = ?"),
  };
}

/** The least byte string above all that begin with `prefix`; UTF-8 has no byte 0xff, so the last one can be raised. */
function successor(prefix: string): Uint8Array {
  const bytes = Buffer.from(prefix);
  const last = bytes.length - 1;
  bytes[last] = (bytes[last] ?? 0) + 1;
  return bytes;
}
