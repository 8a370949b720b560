// How long the trash keeps its items: not longer than its time, and no more of them than it has room for. The clock is not believed at
// once: one that is 40 days ahead for a while would empty the trash.

import type { DatabaseSync } from "node:sqlite";
import type { ByteCount, Clock, DurationMs, EpochMs } from "../core/clock.ts";
import { clockJump, type Look, takeLook } from "./clock-jump.ts";

export interface TrashLimits {
  readonly keepMs: DurationMs;
  readonly maxBytes: ByteCount;
}

export type LookClock = Pick<Clock, "now" | "monotonic">;

export interface TrashRetention {
  /** What of `mapping` is to go: what has been too old for a day, at most a quarter of all a day, and the oldest beyond the size, but for
   * those of the last day. To be called within a transaction, which removes them. */
  excess(mapping: string, limits: TrashLimits, clock: LookClock): readonly SizeRow[];
}

export function openTrashRetention(database: DatabaseSync): TrashRetention {
  const selectSizes = database.prepare(
    "SELECT id, fingerprint, size, saved_at_ms, old_since_ms FROM trash WHERE mapping = ? ORDER BY id DESC",
  );
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
  return {
    excess(mapping, limits, clock) {
      followClock(mapping, clock);
      return excess(mapping, limits, clock.now());
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

  function excess(mapping: string, { keepMs, maxBytes }: TrashLimits, now: EpochMs): readonly SizeRow[] {
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

interface SizeRow {
  readonly id: number;
  readonly fingerprint: string;
  readonly size: number;
  readonly saved_at_ms: number;
  readonly old_since_ms: number | null;
}

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
