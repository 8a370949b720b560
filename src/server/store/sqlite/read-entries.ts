// Entries, read: keys in byte order, with metadata and expiration.
//
// Keys and text values go in and out as strings which SQLite casts to and from UTF-8 bytes: that saves a Buffer for each.

import type { ByteCount, EpochSeconds } from "../../../core/clock.ts";
import { compareUtf8 } from "../../../core/key.ts";
import { quoted } from "../quoted.ts";
import type { AtOnce, EntryReader, ListedRow, QuotedEntry, StoredEntry } from "../store.ts";
import type { Database } from "./database.ts";
import { openNamespaceNumbers } from "./namespaces.ts";
import type { Values } from "./values.ts";

export function openReading(database: Database, values: Values): AtOnce<EntryReader> {
  const find = openNamespaceNumbers(database);
  const reading = readStatements(database);

  function read(namespace: number, key: string, now: EpochSeconds): StoredEntry | undefined {
    const row = reading.read.get(namespace, key, now) as unknown as
      | [Uint8Array | null, number, string | null, number | null]
      | undefined;
    if (row === undefined) return undefined;
    const [bytes, value, metadata, expiration] = row;
    return { value: bytes ?? values.openLong(value), metadata, expiration };
  }

  /** Quoted by SQLite, which takes half the time of bytes that become a string that becomes JSON. */
  function readQuoted(
    namespace: number,
    key: string,
    bytesMax: ByteCount,
    now: EpochSeconds,
  ): QuotedEntry | undefined | "too-large" {
    const row = reading.quoted.get(namespace, key, now) as unknown as
      | [string, number | null, number, string | null, number | null]
      | undefined;
    if (row === undefined) return undefined;
    const [json, byteLength, value, metadata, expiration] = row;
    if (byteLength === null) {
      if (values.openLong(value).byteLength > bytesMax) return "too-large";
      return quoted(values.readLong(value), { metadata, expiration });
    }
    if (byteLength > bytesMax) return "too-large";
    if (!json.includes(REPLACEMENT)) return { json, byteLength, metadata, expiration };
    // It was stored so, or it stands for bytes that are no UTF-8.
    const [bytes] = reading.read.get(namespace, key, now) as unknown as [Uint8Array];
    return quoted(bytes, { metadata, expiration });
  }

  return {
    read(id, key, now) {
      const namespace = find(id);
      return namespace === undefined ? undefined : read(namespace, key, now);
    },
    readQuoted(id, keys, bytesMax, now) {
      const namespace = find(id);
      const found: (QuotedEntry | undefined)[] = [];
      let left = bytesMax;
      for (const key of keys) {
        const entry = namespace === undefined ? undefined : readQuoted(namespace, key, left, now);
        if (entry === "too-large") return entry;
        left -= entry?.byteLength ?? 0;
        found.push(entry);
      }
      return found;
    },
    readMetadata(id, key, now) {
      const row = reading.metadata.get(find(id) ?? null, key, now) as unknown as [string | null] | undefined;
      return row && { metadata: row[0] };
    },
    list(id, { after, prefix, limit }, now) {
      const namespace = find(id) ?? null;
      // One lower bound: with two, SQLite seeks to one of them and steps over all that lies between.
      const from = after !== "" && compareUtf8(after, prefix) >= 0 ? `${after}\u0000` : prefix;
      const rows =
        prefix === ""
          ? reading.list.all(namespace, from, now, limit)
          : reading.listPrefix.all(namespace, from, successor(prefix), now, limit);
      return rows as unknown as ListedRow[];
    },
  };
}

/** What bytes that are no UTF-8 become in a string. */
const REPLACEMENT = "\ufffd";

const visible = "(e.expiration IS NULL OR e.expiration > ?)";

function readStatements(database: Database) {
  const row =
    "SELECT CAST(e.key AS TEXT), e.metadata, e.expiration FROM entry e WHERE e.namespace = ? AND e.key >= CAST(? AS BLOB)";
  const one = `e.value, e.metadata, e.expiration FROM entry e LEFT JOIN value v ON v.id = e.value
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

/** The least byte string above all that begin with `prefix`; UTF-8 has no byte 0xff, so the last one can be raised. */
function successor(prefix: string): Uint8Array {
  const bytes = Buffer.from(prefix);
  const last = bytes.length - 1;
  bytes[last] = (bytes[last] ?? 0) + 1;
  return bytes;
}
