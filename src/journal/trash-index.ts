// The trash as an index: what is in it, and how long it stays. What puts values there is trash.ts.

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ByteCount, DurationMs, EpochMs, EpochSeconds } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { type Fingerprint, fingerprintOf } from "../core/fingerprint.ts";
import type { Key } from "../core/key.ts";
import { type Journal, transaction } from "./journal.ts";
import type { Loss } from "./ports.ts";

/** One value that was replaced or removed. */
export interface TrashItem {
  readonly id: number;
  readonly mapping: string;
  /** The label of the replica that lost it. */
  readonly side: string;
  readonly key: Key;
  readonly fingerprint: Fingerprint;
  readonly size: ByteCount;
  readonly metadata: string | undefined;
  readonly expiration: EpochSeconds | undefined;
  readonly reason: Loss["reason"];
  readonly savedAt: EpochMs;
}

interface TrashQuery {
  readonly mapping?: string | undefined;
  readonly key?: string | undefined;
  readonly id?: number | undefined;
  readonly limit: number;
}

interface TrashRetention {
  readonly keepMs: DurationMs;
  readonly maxBytes: ByteCount;
}

export interface TrashIndex {
  /** The newest, newest first. */
  list(query: TrashQuery): readonly TrashItem[];
  /** The value itself. Throws AppError `io` if its file is gone or is not what was kept. */
  read(item: TrashItem): Uint8Array;
  /** Removes what is too old, and the oldest beyond the size, of one mapping. Returns how many items went. */
  prune(mapping: string, retention: TrashRetention, now: EpochMs): number;
}

interface Row {
  readonly id: number;
  readonly mapping: string;
  readonly side: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly size: number;
  readonly metadata: string | null;
  readonly expiration: number | null;
  readonly reason: string;
  readonly saved_at_ms: number;
}

export function openTrashIndex({ database }: Journal, stateDir: string): TrashIndex {
  const folder = join(stateDir, "trash");
  const select = database.prepare(
    `SELECT id, mapping, side, CAST(key AS TEXT) AS key, fingerprint, size, metadata, expiration, reason, saved_at_ms
     FROM trash WHERE (?1 IS NULL OR mapping = ?1) AND (?2 IS NULL OR key = ?2) AND (?3 IS NULL OR id = ?3)
     ORDER BY id DESC LIMIT ?4`,
  );
  const selectSizes = database.prepare(
    "SELECT id, fingerprint, size, saved_at_ms FROM trash WHERE mapping = ? ORDER BY id DESC",
  );
  const remove = database.prepare("DELETE FROM trash WHERE id = ?");
  const isKept = database.prepare("SELECT 1 FROM trash WHERE fingerprint = ? LIMIT 1");
  return {
    list({ mapping, key, id, limit }) {
      const blob = key === undefined ? null : Buffer.from(key);
      return (select.all(mapping ?? null, blob, id ?? null, limit) as unknown as Row[]).map(itemOf);
    },
    read: ({ fingerprint, key }) => readContent(join(folder, fingerprint), fingerprint, key),
    prune(mapping, retention, now) {
      const rows = selectSizes.iterate(mapping) as Iterable<SizeRow>;
      const excess = excessOf(rows, retention, now);
      if (excess.length === 0) return 0;
      transaction(database, () => {
        for (const { id } of excess) remove.run(id);
        // Inside the transaction: nobody adds a row for a content while its file goes.
        for (const fingerprint of new Set(excess.map((row) => row.fingerprint))) {
          if (isKept.get(fingerprint) === undefined) rmSync(join(folder, fingerprint), { force: true });
        }
      });
      return excess.length;
    },
  };
}

type SizeRow = Pick<Row, "id" | "fingerprint" | "size" | "saved_at_ms">;

/** Which of `rows`, the newest first, are too old or too many. Rows that share a content count once. */
function excessOf(rows: Iterable<SizeRow>, { keepMs, maxBytes }: TrashRetention, now: EpochMs): SizeRow[] {
  const seen = new Set<string>();
  const excess: SizeRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    const adds = seen.has(row.fingerprint) ? 0 : row.size;
    if (row.saved_at_ms < now - keepMs || bytes + adds > maxBytes) {
      excess.push(row);
      continue;
    }
    bytes += adds;
    seen.add(row.fingerprint);
  }
  return excess;
}

function readContent(path: string, fingerprint: Fingerprint, key: Key): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new AppError("io", `cannot read what the trash kept of "${key}": ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (fingerprintOf(bytes) === fingerprint) return bytes;
  throw new AppError("io", `what the trash kept of "${key}" in ${path} is damaged`, {
    hint: "its bytes are not those that were saved; look for another copy with kvsync trash list",
  });
}

function itemOf(row: Row): TrashItem {
  return {
    id: row.id,
    mapping: row.mapping,
    side: row.side,
    key: row.key as Key,
    fingerprint: row.fingerprint as Fingerprint,
    size: row.size,
    metadata: row.metadata ?? undefined,
    expiration: (row.expiration ?? undefined) as EpochSeconds | undefined,
    reason: row.reason as Loss["reason"],
    savedAt: row.saved_at_ms as EpochMs,
  };
}
