// Entries, read: keys in byte order, with metadata and expiration.
//
// Keys and text values go in and out as strings which SQLite casts to and from UTF-8 bytes: that saves a Buffer for each.

import { successor } from "../key-successor.ts";
import type { ByteCount, EpochSeconds } from "../../../core/clock.ts";
import { compareUtf8 } from "../../../core/key.ts";
import { quoted } from "../quoted.ts";
import type { AtOnce, EntryReader, ListedRow, QuotedEntry, StoredEntry } from "../store.ts";
import type { Database } from "./database.ts";
import type { SqliteNamespaces } from "./namespaces.ts";
import type { Values } from "./values.ts";

export function openReading(database: Database, { numberOf }: SqliteNamespaces, values: Values): AtOnce<EntryReader> {
  const reading = readStatements(database);

  type Attributes = Pick<StoredEntry, "metadata" | "expiration">;

  /** Undefined: there is no such key, or its value is short. */
  function findLong(
    namespace: number,
    key: string,
    now: EpochSeconds,
  ): (Attributes & { readonly long: number }) | undefined {
    const row = reading.long.get(namespace, key, now) as unknown as [number, string | null, number | null] | undefined;
    return row && { long: row[0], metadata: row[1], expiration: row[2] };
  }

  function read(namespace: number, key: string, now: EpochSeconds): StoredEntry | undefined {
    const row = reading.read.get(namespace, key, now) as unknown as
      | [Uint8Array, string | null, number | null]
      | undefined;
    if (row !== undefined) return { value: row[0], metadata: row[1], expiration: row[2] };
    const found = findLong(namespace, key, now);
    return found && { value: values.openLong(found.long), metadata: found.metadata, expiration: found.expiration };
  }

  /** Quoted by SQLite, which takes half the time of bytes that become a string that becomes JSON. */
  function readQuoted(
    namespace: number,
    key: string,
    bytesMax: ByteCount,
    now: EpochSeconds,
  ): QuotedEntry | undefined | "too-large" {
    const row = reading.quoted.get(namespace, key, now) as unknown as
      | [string, number, string | null, number | null]
      | undefined;
    if (row === undefined) {
      const found = findLong(namespace, key, now);
      if (found === undefined) return undefined;
      return values.openLong(found.long).byteLength > bytesMax
        ? "too-large"
        : quoted(values.readLong(found.long), found);
    }
    const [json, byteLength, metadata, expiration] = row;
    if (byteLength > bytesMax) return "too-large";
    if (!json.includes(REPLACEMENT)) return { json, byteLength, metadata, expiration };
    // It was stored so, or it stands for bytes that are no UTF-8.
    const [bytes] = reading.read.get(namespace, key, now) as unknown as [Uint8Array];
    return quoted(bytes, { metadata, expiration });
  }

  return {
    read(id, key, now) {
      const namespace = numberOf(id);
      return namespace === undefined ? undefined : read(namespace, key, now);
    },
    readQuoted(id, keys, bytesMax, now) {
      const namespace = numberOf(id);
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
      const row = reading.metadata.get(numberOf(id) ?? null, key, now) as unknown as [string | null] | undefined;
      return row && { metadata: row[0] };
    },
    list(id, { after, prefix, limit }, now) {
      const namespace = numberOf(id) ?? null;
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
  const at = `WHERE e.namespace = ? AND e.key = CAST(? AS BLOB) AND ${visible}`;
  // Of short values alone: twice the look-ups for the long ones, which are few, is less than a column more for all.
  const one = `e.metadata, e.expiration FROM entry e JOIN value v ON v.id = e.value ${at}`;
  return {
    read: database.prepare(`SELECT v.bytes, ${one}`),
    quoted: database.prepare(`SELECT json_quote(CAST(v.bytes AS TEXT)), length(v.bytes), ${one}`),
    long: database.prepare(`SELECT e.value, e.metadata, e.expiration FROM entry e ${at} AND e.value < 0`),
    metadata: database.prepare(`SELECT e.metadata FROM entry e ${at}`),
    list: database.prepare(`${row} AND ${visible} ORDER BY e.key LIMIT ?`),
    listPrefix: database.prepare(`${row} AND e.key < ? AND ${visible} ORDER BY e.key LIMIT ?`),
  };
}
