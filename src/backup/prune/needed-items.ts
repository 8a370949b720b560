// The items that snapshots need, in a scratch database: pages, values, and the pages that others are told as differences to. SQLite
// keeps it in a temporary file while it is large, and it is gone when it is closed.

import { DatabaseSync } from "node:sqlite";
import { fingerprintOfSha256 } from "../../core/fingerprint.ts";
import type { ItemId } from "../repository/repository.ts";

export interface NeededItem {
  readonly kind: "value" | "page";
  /** It is to be in a place without a base, since other pages are told as differences to it. */
  readonly isBase: boolean;
}

export interface NeededItems {
  addValue(id: ItemId): void;
  /** A page of a snapshot: 64 hexadecimal digits. */
  addPage(sha256: string): void;
  /** A page that others are told as differences to. */
  addBase(id: ItemId): void;
  /** The pages of snapshots, by their SHA-256, each once. */
  pages(): Iterable<string>;
  get(id: ItemId): NeededItem | undefined;
  /** A pack is to keep the item, where it is whole or stored relative to a page. False: it is not needed there, or another pack keeps it. */
  keep(id: ItemId, isWhole: boolean): boolean;
  /** All that no pack keeps. More may be kept while it is walked through. */
  unkept(): Iterable<NeededItem & { readonly id: ItemId }>;
  close(): void;
}

// In one transaction, which never ends: at the end of each, SQLite counts what it would have to write, and that is much while a file is there.
const SCHEMA = `
  PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000;
  CREATE TABLE needed (
    id BLOB PRIMARY KEY,
    is_page INTEGER NOT NULL,
    is_base INTEGER NOT NULL,
    is_kept INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE page (n INTEGER PRIMARY KEY, sha256 TEXT UNIQUE);
  BEGIN;
`;
const PAGE_ROWS = 1000;

interface Row {
  readonly id: Uint8Array;
  readonly is_page: number;
  readonly is_base: number;
}

export function openNeededItems(): NeededItems {
  const database = new DatabaseSync("");
  database.exec(SCHEMA);
  const insert = database.prepare("INSERT OR IGNORE INTO needed VALUES (?, ?, 0, 0)");
  const insertPage = database.prepare("INSERT OR IGNORE INTO page (sha256) VALUES (?)");
  const nextPage = database.prepare("SELECT n, sha256 FROM page WHERE n > ? ORDER BY n LIMIT 1");
  const insertBase = database.prepare(
    "INSERT INTO needed VALUES (?, 1, 1, 0) ON CONFLICT (id) DO UPDATE SET is_base = 1",
  );
  const select = database.prepare("SELECT * FROM needed WHERE id = ?");
  const keep = database.prepare("UPDATE needed SET is_kept = 1 WHERE id = ? AND is_kept = 0 AND (is_base = 0 OR ?)");
  const page = database.prepare(`SELECT * FROM needed WHERE is_kept = 0 AND id > ? ORDER BY id LIMIT ${PAGE_ROWS}`);
  return {
    addValue: (id) => void insert.run(bytesOf(id), 0),
    addPage(sha256) {
      insertPage.run(sha256);
      insert.run(bytesOf(fingerprintOfSha256(sha256)), 1);
    },
    addBase: (id) => void insertBase.run(bytesOf(id)),
    get(id) {
      const row = select.get(bytesOf(id)) as Row | undefined;
      return row && itemOf(row);
    },
    *pages() {
      for (let after = 0; ;) {
        const row = nextPage.get(after) as { n: number; sha256: string } | undefined;
        if (row === undefined) return;
        yield row.sha256;
        after = row.n;
      }
    },
    keep: (id, isWhole) => keep.run(bytesOf(id), isWhole ? 1 : 0).changes > 0,
    *unkept() {
      let after: Uint8Array = new Uint8Array();
      for (;;) {
        const rows = page.all(after) as unknown as readonly Row[];
        for (const row of rows) yield { ...itemOf(row), id: Buffer.from(row.id).toString("base64url") as ItemId };
        if (rows.length < PAGE_ROWS) return;
        after = rows.at(-1)!.id;
      }
    },
    close: () => database.close(),
  };
}

function itemOf({ is_page, is_base }: Row): NeededItem {
  return { kind: is_page === 1 ? "page" : "value", isBase: is_base === 1 };
}

function bytesOf(id: ItemId): Buffer {
  return Buffer.from(id, "base64url");
}
