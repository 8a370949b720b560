// The trash as an index: what is in it, found, read and removed. What puts values there is trash.ts; how long they stay,
// trash-retention.ts.

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ByteCount, Clock, EpochMs, EpochSeconds } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { type Fingerprint, fingerprintOf } from "../core/fingerprint.ts";
import type { Key } from "../core/key.ts";
import { type Journal, transaction } from "./journal.ts";
import type { Loss } from "../engine/ports.ts";
import { lastUntil, type Moment } from "./true-order.ts";
import { type LookClock, openTrashRetention, type TrashLimits } from "./trash-retention.ts";

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

export interface TrashQuery {
  readonly mapping?: string | undefined;
  readonly key?: string | undefined;
  /** What the keys begin with. */
  readonly prefix?: string | undefined;
  /** Kept not before this, by the time of day. */
  readonly since?: EpochMs | undefined;
  /** Kept not after this. */
  readonly until?: EpochMs | undefined;
  /** Older than the item of this id. */
  readonly before?: number | undefined;
  readonly limit: number;
}

/** Part of the trash; all of it, but for what is said. */
export interface TrashSelection {
  readonly mapping?: string | undefined;
  /** Kept not after this, by the time of day. */
  readonly until?: EpochMs | undefined;
  /** No newer than the item of this id. */
  readonly upTo?: number | undefined;
}

interface TrashSize {
  readonly items: number;
  /** Contents that several items share count once. */
  readonly bytes: ByteCount;
  /** The id of the newest; 0: there is none. */
  readonly newest: number;
}

export interface Emptied {
  readonly items: number;
  readonly bytes: ByteCount;
  /** Items that were selected and stay, since the round that kept them still runs. */
  readonly stay: number;
  /** Those that stay since a restore is still to bring them back. */
  readonly needed: number;
}

/** When the round of a mapping began that runs now; undefined: none does. */
export type RoundBegan = (mapping: string) => EpochMs | undefined;

export interface TrashIndex {
  /** The newest, newest first. */
  list(query: TrashQuery): readonly TrashItem[];
  /** Undefined: there is no such item, or none any more. */
  get(id: number): TrashItem | undefined;
  /** Of each key of `mapping` the first item that was kept after a moment, in key order, of those that `isWanted`. */
  firstAfter(mapping: string, after: Moment, isWanted: (item: TrashItem) => boolean): readonly TrashItem[];
  size(selection: TrashSelection): TrashSize;
  /** Removes items for good, but none that a round has kept which still runs, or that a restore needs. For who holds the state lock. */
  empty(selection: TrashSelection, roundBegan: RoundBegan, clock: Pick<Clock, "monotonic">): Emptied;
  /** The value itself. Throws AppError `io` if its file is gone or is not what was kept. */
  read(item: TrashItem): Uint8Array;
  /** Removes of one mapping what has been too old for a day, at most a quarter of it a day, and the oldest beyond the size,
   * but for those of the last day.
   * The clock is not believed at once: one that is 40 days ahead for a while would empty the trash. Returns how many items
   * went. */
  prune(mapping: string, limits: TrashLimits, clock: LookClock): number;
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

const ITEM_COLUMNS =
  "id, mapping, side, CAST(key AS TEXT) AS key, fingerprint, size, metadata, expiration, reason, saved_at_ms";

export function openTrashIndex({ database, needed }: Journal, stateDir: string): TrashIndex {
  const folder = join(stateDir, "trash");
  const select = database.prepare(
    `SELECT ${ITEM_COLUMNS} FROM trash
     WHERE (?1 IS NULL OR mapping = ?1) AND (?2 IS NULL OR key = ?2) AND (?3 IS NULL OR substr(key, 1, length(?3)) = ?3)
     AND (?4 IS NULL OR saved_at_ms >= ?4) AND (?5 IS NULL OR saved_at_ms <= ?5) AND (?6 IS NULL OR id < ?6)
     ORDER BY id DESC LIMIT ?7`,
  );
  const selectOne = database.prepare(`SELECT ${ITEM_COLUMNS} FROM trash WHERE id = ?`);
  const remove = database.prepare("DELETE FROM trash WHERE id = ?");
  const retention = openTrashRetention(database);
  const selectAfter = database.prepare(
    `SELECT ${ITEM_COLUMNS} FROM trash WHERE mapping = ? AND id > ? ORDER BY trash.key, id`,
  );
  const selectSelection = database.prepare(
    `SELECT id, mapping, fingerprint, size, saved_at_ms FROM trash
     WHERE (?1 IS NULL OR mapping = ?1) AND (?2 IS NULL OR saved_at_ms <= ?2) AND (?3 IS NULL OR id <= ?3) ORDER BY id`,
  );
  const isKept = database.prepare("SELECT 1 FROM trash WHERE fingerprint = ? LIMIT 1");
  return {
    list({ mapping, key, prefix, since, until, before, limit }) {
      const [exact, start] = [key, prefix].map((text) => (text === undefined ? null : Buffer.from(text)));
      const times = [since ?? null, until ?? null];
      const rows = select.all(mapping ?? null, exact!, start!, ...times, before ?? null, limit);
      return (rows as unknown as Row[]).map(itemOf);
    },
    get(id) {
      const row = selectOne.get(id) as unknown as Row | undefined;
      return row && itemOf(row);
    },
    firstAfter(mapping, after, isWanted) {
      const first = new Map<Key, TrashItem>();
      const last = lastUntil(database, "trash", after);
      for (const row of selectAfter.iterate(mapping, last) as Iterable<unknown>) {
        const item = itemOf(row as Row);
        if (!first.has(item.key) && isWanted(item)) first.set(item.key, item);
      }
      return [...first.values()];
    },
    size: (selection) => sizeOf(selected(selection)),
    empty(selection, roundBegan, clock) {
      const now = clock.monotonic();
      const found = transaction(database, () => {
        const { goes = [], ...others } = Object.groupBy(selected(selection), (row) => {
          if (isUnderWay(row, roundBegan)) return "stays";
          return needed.isNeeded(row.id, now) ? "needed" : "goes";
        });
        for (const { id } of goes) remove.run(id);
        return { ...others, goes };
      });
      const { goes } = found;
      removeContents(goes);
      const kept = { stay: found.stays?.length ?? 0, needed: found.needed?.length ?? 0 };
      return { items: goes.length, bytes: sizeOf(goes).bytes, ...kept };
    },
    read: ({ fingerprint, key }) => readContent(join(folder, fingerprint), fingerprint, key),
    prune(mapping, limits, clock) {
      const excess = transaction(database, () => {
        const now = clock.monotonic();
        const found = retention.excess(mapping, limits, clock).filter(({ id }) => !needed.isNeeded(id, now));
        for (const { id } of found) remove.run(id);
        return found;
      });
      removeContents(excess);
      return excess.length;
    },
  };

  function selected({ mapping, until, upTo }: TrashSelection): readonly SelectedRow[] {
    return selectSelection.all(mapping ?? null, until ?? null, upTo ?? null) as unknown as SelectedRow[];
  }

  /** After the rows: whatever ends the process in between leaves a file too many, and never a row without its file. */
  function removeContents(rows: readonly Pick<Row, "fingerprint">[]): void {
    for (const fingerprint of new Set(rows.map((row) => row.fingerprint))) {
      if (isKept.get(fingerprint) === undefined) rmSync(join(folder, fingerprint), { force: true });
    }
  }
}

type SelectedRow = Pick<Row, "id" | "mapping" | "fingerprint" | "size" | "saved_at_ms">;

function isUnderWay({ mapping, saved_at_ms: savedAt }: SelectedRow, roundBegan: RoundBegan): boolean {
  const began = roundBegan(mapping);
  return began !== undefined && savedAt >= began;
}

function sizeOf(rows: readonly SelectedRow[]): TrashSize {
  const bySize = new Map(rows.map(({ fingerprint, size }) => [fingerprint, size]));
  const bytes = [...bySize.values()].reduce((sum, size) => sum + size, 0);
  return { items: rows.length, bytes, newest: rows.at(-1)?.id ?? 0 };
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
