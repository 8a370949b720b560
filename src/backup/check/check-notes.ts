// What a check has seen, in a scratch database: the pages of each snapshot, what each page holds and what is broken in it, and items that
// are damaged in a pack. SQLite keeps it in a temporary file while it is large, and it is gone when it is closed.

import { DatabaseSync } from "node:sqlite";
import type { ByteCount } from "../../core/clock.ts";
import type { ItemId, ObjectId } from "../repository/repository.ts";

interface PageNote {
  readonly entries: number;
  readonly bytes: ByteCount;
  /** Of all its entries, as one range of the content root. */
  readonly range: Uint8Array;
  /** Whether a range ends behind its last key. */
  readonly endsRange: boolean;
  readonly firstKey: string;
  readonly lastKey: string;
}

/** What is broken for one reason. */
interface BrokenKeys {
  readonly cause: string;
  /** The number of a snapshot, as it was added. */
  readonly snapshot: number;
  readonly count: number;
  /** The first of them. */
  readonly keys: readonly string[];
}

export interface CheckNotes {
  addSnapshot(snapshot: number, pages: readonly { readonly id: string }[]): void;
  /** The pages of all snapshots, each once: the first of each, then the second of each, and so on, since those have most of their entries
   * in common. */
  pages(): Iterable<string>;
  notePage(id: string, note: PageNote): void;
  page(id: string): PageNote | undefined;
  /** A key of a page, whose value cannot be had. */
  noteBroken(page: string, key: string, cause: string): void;
  /** By cause, and within it by snapshot. */
  broken(): readonly BrokenKeys[];
  noteDamage(id: ItemId, pack: ObjectId): void;
  isDamaged(id: ItemId, pack: ObjectId): boolean;
  close(): void;
}

const SHOWN_KEYS = 5;
// In one transaction, which never ends: at the end of each, SQLite counts what it would have to write, and that is much while a file is there.
const SCHEMA = `
  PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000;
  CREATE TABLE page (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE,
    -- Its number in the first snapshot that has it.
    at INTEGER NOT NULL,
    entries INTEGER, bytes INTEGER, range BLOB, ends INTEGER, first TEXT, last TEXT
  );
  CREATE INDEX page_at ON page (at, n);
  CREATE TABLE has (snapshot INTEGER NOT NULL, page INTEGER NOT NULL);
  CREATE INDEX has_page ON has (page);
  CREATE TABLE broken (page INTEGER NOT NULL, key TEXT NOT NULL, cause TEXT NOT NULL);
  CREATE TABLE damage (id TEXT NOT NULL, pack TEXT NOT NULL, PRIMARY KEY (id, pack)) WITHOUT ROWID;
  BEGIN;
`;

interface PageRow {
  readonly entries: number | null;
  readonly bytes: number;
  readonly range: Uint8Array;
  readonly ends: number;
  readonly first: string;
  readonly last: string;
}

export function openCheckNotes(): CheckNotes {
  const database = new DatabaseSync("");
  database.exec(SCHEMA);
  const insertPage = database.prepare("INSERT OR IGNORE INTO page (id, at) VALUES (?, ?)");
  const insertHas = database.prepare("INSERT INTO has SELECT ?, n FROM page WHERE id = ?");
  const nextPage = database.prepare("SELECT n, id, at FROM page WHERE (at, n) > (?, ?) ORDER BY at, n LIMIT 1");
  const updatePage = database.prepare(
    "UPDATE page SET entries = ?, bytes = ?, range = ?, ends = ?, first = ?, last = ? WHERE id = ?",
  );
  const selectPage = database.prepare("SELECT entries, bytes, range, ends, first, last FROM page WHERE id = ?");
  const insertBroken = database.prepare("INSERT INTO broken SELECT n, ?, ? FROM page WHERE id = ?");
  const countBroken = database.prepare(
    "SELECT cause, snapshot, count(*) AS count FROM broken JOIN has ON has.page = broken.page GROUP BY cause, snapshot ORDER BY cause, snapshot",
  );
  const firstBroken = database.prepare(
    `SELECT key FROM broken JOIN has ON has.page = broken.page WHERE cause = ? AND snapshot = ? ORDER BY broken.rowid LIMIT ${SHOWN_KEYS}`,
  );
  const insertDamage = database.prepare("INSERT OR IGNORE INTO damage VALUES (?, ?)");
  const selectDamage = database.prepare("SELECT 1 FROM damage WHERE id = ? AND pack = ?");
  return {
    addSnapshot(snapshot, pages) {
      for (const [at, { id }] of pages.entries()) {
        insertPage.run(id, at);
        insertHas.run(snapshot, id);
      }
    },
    *pages() {
      let [at, n] = [0, 0];
      for (;;) {
        const row = nextPage.get(at, n) as { n: number; id: string; at: number } | undefined;
        if (row === undefined) return;
        yield row.id;
        ({ at, n } = row);
      }
    },
    notePage(id, { entries, bytes, range, endsRange, firstKey, lastKey }) {
      updatePage.run(entries, bytes, range, endsRange ? 1 : 0, firstKey, lastKey, id);
    },
    page(id) {
      const row = selectPage.get(id) as PageRow | undefined;
      if (row === undefined || row.entries === null) return undefined;
      const { entries, bytes, range, ends, first, last } = row;
      return { entries, bytes, range, endsRange: ends === 1, firstKey: first, lastKey: last };
    },
    noteBroken: (page, key, cause) => void insertBroken.run(key, cause, page),
    broken: () =>
      (countBroken.all() as unknown as readonly { cause: string; snapshot: number; count: number }[]).map((row) => {
        const keys = firstBroken.all(row.cause, row.snapshot) as unknown as readonly { key: string }[];
        return { ...row, keys: keys.map(({ key }) => key) };
      }),
    noteDamage: (id, pack) => void insertDamage.run(id, pack),
    isDamaged: (id, pack) => selectDamage.get(id, pack) !== undefined,
    close: () => database.close(),
  };
}
