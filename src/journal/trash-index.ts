// The trash as an index: what is in it, and how long it stays. What puts values there is trash.ts.

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ByteCount, Clock, DurationMs, EpochMs, EpochSeconds } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { type Fingerprint, fingerprintOf } from "../core/fingerprint.ts";
import type { Key } from "../core/key.ts";
import { clockJump, type Look, takeLook } from "./clock-jump.ts";
import { type Journal, transaction } from "./journal.ts";
import type { Loss } from "../engine/ports.ts";

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

type LookClock = Pick<Clock, "now" | "monotonic">;

export interface TrashIndex {
  /** The newest, newest first. */
  list(query: TrashQuery): readonly TrashItem[];
  /** The value itself. Throws AppError `io` if its file is gone or is not what was kept. */
  read(item: TrashItem): Uint8Array;
  /** Removes of one mapping what has been too old for a day, at most a quarter of it a day, and the oldest beyond the size,
   * but for those of the last day.
   * The clock is not believed at once: one that is 40 days ahead for a while would empty the trash. Returns how many items
   * went. */
  prune(mapping: string, retention: TrashRetention, clock: LookClock): number;
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
    "SELECT id, fingerprint, size, saved_at_ms, old_since_ms FROM trash WHERE mapping = ? ORDER BY id DESC",
  );
  const remove = database.prepare("DELETE FROM trash WHERE id = ?");
  const markOld = database.prepare("UPDATE trash SET old_since_ms = ? WHERE id = ?");
  const lastAging = database.prepare("SELECT pruned_at_ms FROM trash_aging WHERE mapping = ?");
  const setAging = database.prepare("INSERT OR REPLACE INTO trash_aging VALUES (?, ?)");
  const lastLook = database.prepare(
    "SELECT at_ms AS at, monotonic_ms AS monotonic, boot FROM trash_look WHERE mapping = ?",
  );
  const setLook = database.prepare("INSERT OR REPLACE INTO trash_look VALUES (?, ?, ?, ?)");
  const moveMarks = database.prepare(
    "UPDATE trash SET old_since_ms = old_since_ms + ?2 WHERE mapping = ?1 AND old_since_ms IS NOT NULL",
  );
  const moveAging = database.prepare("UPDATE trash_aging SET pruned_at_ms = pruned_at_ms + ?2 WHERE mapping = ?1");
  const isKept = database.prepare("SELECT 1 FROM trash WHERE fingerprint = ? LIMIT 1");
  return {
    list({ mapping, key, id, limit }) {
      const blob = key === undefined ? null : Buffer.from(key);
      return (select.all(mapping ?? null, blob, id ?? null, limit) as unknown as Row[]).map(itemOf);
    },
    read: ({ fingerprint, key }) => readContent(join(folder, fingerprint), fingerprint, key),
    prune(mapping, retention, clock) {
      const excess = transaction(database, () => {
        followClock(mapping, clock);
        const found = prune(mapping, retention, clock.now());
        for (const { id } of found) remove.run(id);
        return found;
      });
      // After the rows: whatever ends the process in between leaves a file too many, and never a row without its file.
      for (const fingerprint of new Set(excess.map((row) => row.fingerprint))) {
        if (isKept.get(fingerprint) === undefined) rmSync(join(folder, fingerprint), { force: true });
      }
      return excess.length;
    },
  };

  /** Where the time of day was set since the last look, what began before goes on from where it was. */
  function followClock(mapping: string, clock: LookClock): void {
    const look = takeLook(clock);
    const last = lastLook.get(mapping) as Look | undefined;
    setLook.run(mapping, look.at, look.monotonic, look.boot);
    const jump = last === undefined ? 0 : clockJump(last, look);
    if (jump === 0) return;
    moveMarks.run(mapping, jump);
    moveAging.run(mapping, jump);
  }

  function prune(mapping: string, { keepMs, maxBytes }: TrashRetention, now: EpochMs): readonly SizeRow[] {
    const rows = [...(selectSizes.iterate(mapping) as Iterable<SizeRow>)];
    const tooLarge = beyondSize(rows, maxBytes, now);
    const prunedAt = (lastAging.get(mapping) as { readonly pruned_at_ms: number } | undefined)?.pruned_at_ms;
    // Where the clock was set back, the day begins anew.
    const isDue = prunedAt === undefined || (now >= prunedAt && now - prunedAt >= LOOKS_APART_MS);
    if (prunedAt !== undefined && prunedAt > now) setAging.run(mapping, now);
    const seenOld: SizeRow[] = [];
    for (const row of rows) {
      const isOld = row.saved_at_ms < now - keepMs;
      const since = row.old_since_ms;
      if (!isOld && since !== null) markOld.run(null, row.id);
      else if (isOld && (since === null || since > now)) markOld.run(now, row.id);
      else if (isOld && since !== null && now - since >= LOOKS_APART_MS) seenOld.push(row);
    }
    if (!isDue || seenOld.length === 0) return tooLarge;
    setAging.run(mapping, now);
    const aged = seenOld.slice(-Math.ceil(rows.length * AGED_SHARE_MAX));
    return [...new Set([...tooLarge, ...aged])];
  }
}

type SizeRow = Pick<Row, "id" | "fingerprint" | "size" | "saved_at_ms"> & { readonly old_since_ms: number | null };

/** The clock may have jumped: an item goes for its age when two looks this far apart have found it old, and so seldom does
 * any go for its age. */
const LOOKS_APART_MS: DurationMs = 86_400_000;
/** And of what a mapping has in the trash, one look lets no more go for its age than this: the oldest. */
const AGED_SHARE_MAX = 0.25;

/** Nobody has had time to miss what was kept later than this: however much one round replaces, its copies are there the next
 * morning. */
const FRESH_MS: DurationMs = 86_400_000;

/** Which of `rows`, the newest first, are too many. Rows that share a content count once. Those of the last day stay. */
function beyondSize(rows: readonly SizeRow[], maxBytes: ByteCount, now: EpochMs): readonly SizeRow[] {
  const seen = new Set<string>();
  let bytes = 0;
  return rows.filter((row) => {
    const adds = seen.has(row.fingerprint) ? 0 : row.size;
    if (bytes + adds > maxBytes && Math.abs(now - row.saved_at_ms) >= FRESH_MS) return true;
    bytes += adds;
    seen.add(row.fingerprint);
    return false;
  });
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
