// What a proof sets aside while it runs, in a temporary database: SQLite keeps it in memory while it is small, and in a file of its
// own when it grows, which is gone when it is closed. So a proof needs the same memory for a million keys as for a thousand.

import { DatabaseSync } from "node:sqlite";
import type { BaseRow, Entry } from "../../core/entry.ts";
import type { Key } from "../../core/key.ts";

/** A key that the listings did not show as equal, with all that was known of it then. */
export interface PendingKey {
  readonly key: Key;
  readonly source: Entry | undefined;
  readonly destination: Entry | undefined;
  readonly base: BaseRow | undefined;
}

/** The hashes of what both sides turned out to hold. Undefined: absent, or not to be counted. */
export interface FinalLeaves {
  readonly source: Uint8Array | undefined;
  readonly destination: Uint8Array | undefined;
}

/** One leaf of a run of keys, in key order. Undefined: the key is pending. */
export type RunLeaf = readonly [key: Key, leaf: Uint8Array | undefined];

export interface ProofScratch {
  addPending(pending: PendingKey): void;
  /** In key order, those that are not settled. `settle` may be called meanwhile. */
  pending(): Iterable<readonly PendingKey[]>;
  countPending(): number;
  settle(key: Key, leaves: FinalLeaves): void;
  /** A run of keys that are equal, as the hash of its range. */
  addRange(hash: Uint8Array): void;
  /** Part of a run of keys, or all of it: its hash is not known before its pending keys are settled. */
  addRun(leaves: readonly RunLeaf[]): void;
  /** What was added, in order; pending keys with the leaves that they were settled with. */
  runs(): Iterable<Run>;
  close(): void;
}

type Run =
  | { readonly kind: "range"; readonly hash: Uint8Array }
  | { readonly kind: "leaf"; readonly key: Key; readonly leaves: FinalLeaves };

const PAGE_KEYS = 1000;

export function openProofScratch(): ProofScratch {
  const database = new DatabaseSync("");
  database.exec(`
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
    CREATE TABLE pending (key BLOB PRIMARY KEY, known TEXT NOT NULL, settled INTEGER NOT NULL DEFAULT 0, source BLOB, destination BLOB) STRICT, WITHOUT ROWID;
    CREATE TABLE run (seq INTEGER PRIMARY KEY, range_hash BLOB, key TEXT, leaf BLOB) STRICT;
    BEGIN`);
  const insertPending = database.prepare("INSERT INTO pending (key, known) VALUES (?, ?)");
  const selectPending = database.prepare(
    `SELECT known FROM pending WHERE settled = 0 AND key > ? ORDER BY key LIMIT ${PAGE_KEYS}`,
  );
  const countPending = database.prepare("SELECT count(*) AS n FROM pending WHERE settled = 0");
  const settle = database.prepare("UPDATE pending SET settled = 1, source = ?, destination = ? WHERE key = ?");
  const selectLeaves = database.prepare("SELECT source, destination FROM pending WHERE key = ?");
  const insertRun = database.prepare("INSERT INTO run (range_hash, key, leaf) VALUES (?, ?, ?)");
  const selectRuns = database.prepare(`SELECT * FROM run WHERE seq > ? ORDER BY seq LIMIT ${PAGE_KEYS}`);

  function leavesOf(key: Key): FinalLeaves {
    const row = selectLeaves.get(Buffer.from(key)) as Record<keyof FinalLeaves, Uint8Array | null> | undefined;
    return { source: row?.source ?? undefined, destination: row?.destination ?? undefined };
  }

  return {
    addPending: (pending) => void insertPending.run(Buffer.from(pending.key), JSON.stringify(pending)),
    *pending() {
      let after: Uint8Array = new Uint8Array(0);
      for (;;) {
        const rows = selectPending.all(after) as unknown as readonly { readonly known: string }[];
        const page = rows.map(({ known }) => JSON.parse(known) as PendingKey);
        const last = page.at(-1);
        if (last === undefined) return;
        after = Buffer.from(last.key);
        yield page;
      }
    },
    countPending: () => (countPending.get() as { n: number }).n,
    settle: (key, leaves) => void settle.run(leaves.source ?? null, leaves.destination ?? null, Buffer.from(key)),
    addRange: (hash) => void insertRun.run(hash, null, null),
    addRun: (leaves) => {
      for (const [key, leaf] of leaves) insertRun.run(null, key, leaf ?? null);
    },
    *runs() {
      for (let after = 0; ;) {
        const rows = selectRuns.all(after) as unknown as readonly RunRow[];
        for (const { range_hash: hash, key, leaf } of rows) {
          if (hash !== null) yield { kind: "range", hash };
          else if (leaf === null) yield { kind: "leaf", key: key!, leaves: leavesOf(key!) };
          else yield { kind: "leaf", key: key!, leaves: { source: leaf, destination: leaf } };
        }
        const last = rows.at(-1);
        if (last === undefined) return;
        after = last.seq;
      }
    },
    close: () => database.close(),
  };
}

interface RunRow {
  readonly seq: number;
  readonly range_hash: Uint8Array | null;
  readonly key: Key | null;
  readonly leaf: Uint8Array | null;
}
