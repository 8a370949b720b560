// A scratch table of pairs, which come in any order, and are listed in the order of keys: where each lies in its file, and all
// that a listing tells of it, but not its value. SQLite keeps it on disk, in a file without a name that is gone with the
// process: a million keys take no more memory than a thousand.

import { DatabaseSync } from "node:sqlite";
import type { EpochSeconds } from "../../../core/clock.ts";
import type { Key } from "../../../core/key.ts";

export interface PairRow {
  readonly key: Key;
  /** Of the value, as 64 hexadecimal digits. */
  readonly sha256: string;
  readonly size: number;
  readonly isText: boolean;
  readonly metadata: string | undefined;
  readonly expiration: EpochSeconds | undefined;
  readonly ttlSeconds: number | undefined;
  readonly place: PairPlace;
}

interface PairPlace {
  /** Which of the files. */
  readonly file: number;
  /** In it: which item or line, and where its bytes are. */
  readonly number: number;
  readonly at: number;
  readonly length: number;
  /** The item itself, where it is in no file as it is here. */
  readonly item: Buffer | undefined;
}

/** A key that more than one pair has. */
export interface Repeated {
  readonly key: Key;
  readonly places: readonly Pick<PairPlace, "file" | "number">[];
}

export interface PairTable {
  add(rows: readonly PairRow[]): void;
  /** No more are added. To be called before all that follows. */
  sort(): void;
  /** Of pairs with one key, only the first counts. At most `most`. */
  repeated(most: number): readonly Repeated[];
  /** In the order of keys, in pages. */
  pages(entries: number): Generator<readonly PairRow[], void>;
  find(key: Key): PairRow | undefined;
  close(): void;
}

const COLUMNS = "key, sha256, size, is_text, metadata, expiration, ttl, file, number, at, length, item";

export function openPairTable(): PairTable {
  const database = new DatabaseSync("");
  database.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE; PRAGMA cache_size = -8000;
    CREATE TABLE pair (id INTEGER PRIMARY KEY, key BLOB NOT NULL, sha256 BLOB NOT NULL, size INTEGER NOT NULL,
      is_text INTEGER NOT NULL, metadata TEXT, expiration INTEGER, ttl INTEGER, file INTEGER NOT NULL,
      number INTEGER NOT NULL, at INTEGER NOT NULL, length INTEGER NOT NULL, item BLOB)`);
  const insert = database.prepare(`INSERT INTO pair (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const select = `SELECT ${COLUMNS} FROM pair`;
  const some = database.prepare(`${select} WHERE key > ? ORDER BY key, id LIMIT ?`);
  const one = database.prepare(`${select} WHERE key = ? ORDER BY id LIMIT 1`);
  return {
    add(rows) {
      database.exec("BEGIN");
      for (const { key, sha256, size, isText, metadata, expiration, ttlSeconds, place } of rows) {
        const { file, number, at, length, item } = place;
        insert.run(
          Buffer.from(key),
          Buffer.from(sha256, "hex"),
          size,
          isText ? 1 : 0,
          metadata ?? null,
          expiration ?? null,
          ttlSeconds ?? null,
          file,
          number,
          at,
          length,
          item ?? null,
        );
      }
      database.exec("COMMIT");
    },
    sort() {
      database.exec("CREATE INDEX by_key ON pair (key)");
    },
    repeated(most) {
      const keys = database
        .prepare("SELECT key FROM pair GROUP BY key HAVING count(*) > 1 ORDER BY key LIMIT ?")
        .all(most) as unknown as readonly { readonly key: Uint8Array }[];
      const places = database.prepare("SELECT file, number FROM pair WHERE key = ? ORDER BY id LIMIT 10");
      return keys.map(({ key }) => ({
        key: keyOf(key),
        places: places.all(key) as unknown as Repeated["places"],
      }));
    },
    *pages(entries) {
      for (let after = Buffer.alloc(0); ;) {
        const rows = some.all(after, entries) as unknown as readonly StoredRow[];
        if (rows.length === 0) return;
        const page: PairRow[] = [];
        let before = after;
        for (const row of rows) {
          if (before.equals(row.key)) continue;
          before = Buffer.from(row.key);
          page.push(rowOf(row));
        }
        yield page;
        after = before;
      }
    },
    find: (key) => {
      const row = one.get(Buffer.from(key)) as StoredRow | undefined;
      return row === undefined ? undefined : rowOf(row);
    },
    close: () => database.close(),
  };
}

interface StoredRow {
  readonly key: Uint8Array;
  readonly sha256: Uint8Array;
  readonly size: number;
  readonly is_text: number;
  readonly metadata: string | null;
  readonly expiration: number | null;
  readonly ttl: number | null;
  readonly file: number;
  readonly number: number;
  readonly at: number;
  readonly length: number;
  readonly item: Uint8Array | null;
}

function rowOf({ key, sha256, size, is_text, metadata, expiration, ttl, ...place }: StoredRow): PairRow {
  return {
    key: keyOf(key),
    sha256: Buffer.from(sha256).toString("hex"),
    size,
    isText: is_text === 1,
    metadata: metadata ?? undefined,
    expiration: (expiration ?? undefined) as EpochSeconds | undefined,
    ttlSeconds: ttl ?? undefined,
    place: { ...place, item: place.item === null ? undefined : Buffer.from(place.item) },
  };
}

function keyOf(bytes: Uint8Array): Key {
  return Buffer.from(bytes).toString("utf8") as Key;
}
