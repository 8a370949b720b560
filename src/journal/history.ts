// History: what was done to keys, when and why, so that a person can ask. It explains and decides nothing: old lines go
// when there are too many, and losing all of it loses no data.

import type { ByteCount, EpochMs } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import { type Journal, transaction } from "./journal.ts";

export type HistoryEvent =
  | "added"
  | "changed"
  | "removed"
  /** Both sides had changed the key. */
  | "conflict"
  | "held"
  | "approved"
  | "lifted"
  | "failed"
  /** A backup was made. */
  | "backed-up"
  /** More keys of one round than are kept one by one. */
  | "more";

export interface HistoryLine {
  readonly at: EpochMs;
  readonly mapping: string;
  /** Undefined: about the mapping as a whole. */
  readonly key: Key | undefined;
  /** Which side was changed. */
  readonly side: "local" | "remote" | undefined;
  readonly event: HistoryEvent;
  /** For people, in lower case: `the file changed`. */
  readonly reason: string;
  readonly bytes: ByteCount | undefined;
}

export interface HistoryQuery {
  readonly mapping?: string | undefined;
  readonly key?: string | undefined;
  readonly limit: number;
}

export interface History {
  append(lines: readonly HistoryLine[]): void;
  /** The newest, newest first. */
  list(query: HistoryQuery): readonly HistoryLine[];
}

/** About 20 MB. */
const LINES_MAX = 200_000;
const KEEP_MS = 90 * 86_400_000;
/** So many of the newest stay whatever their age: a clock that jumps ahead makes all of them old at once. */
const KEPT_WHATEVER_AGE = 20_000;
/** Old lines are looked for once in so many appended ones. */
const PRUNE_EVERY = 1000;

interface Row {
  readonly at_ms: number;
  readonly mapping: string;
  readonly key: string | null;
  readonly side: string | null;
  readonly event: string;
  readonly reason: string;
  readonly bytes: number | null;
}

export function openHistory({ database }: Journal): History {
  const insert = database.prepare(
    "INSERT INTO history (at_ms, mapping, key, side, event, reason, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const select = database.prepare(
    `SELECT at_ms, mapping, CAST(key AS TEXT) AS key, side, event, reason, bytes FROM history
     WHERE (?1 IS NULL OR mapping = ?1) AND (?2 IS NULL OR key = ?2) ORDER BY id DESC LIMIT ?3`,
  );
  const removeExcess = database.prepare("DELETE FROM history WHERE id <= (SELECT max(id) FROM history) - ?");
  const removeOld = database.prepare(
    // Lines are in order of time: the first that is young enough ends the search.
    `DELETE FROM history WHERE id < (SELECT id FROM history WHERE at_ms >= ?1 ORDER BY id LIMIT 1)
     AND id <= (SELECT max(id) FROM history) - ?2`,
  );
  let sincePruned = PRUNE_EVERY;
  return {
    append(lines) {
      const last = lines.at(-1);
      if (last === undefined) return;
      transaction(database, () => {
        for (const { at, mapping, key, side, event, reason, bytes } of lines) {
          const blob = key === undefined ? null : Buffer.from(key);
          insert.run(at, mapping, blob, side ?? null, event, reason, bytes ?? null);
        }
        sincePruned += lines.length;
        if (sincePruned < PRUNE_EVERY) return;
        sincePruned = 0;
        removeExcess.run(LINES_MAX);
        removeOld.run(last.at - KEEP_MS, KEPT_WHATEVER_AGE);
      });
    },
    list({ mapping, key, limit }) {
      const rows = select.all(mapping ?? null, key === undefined ? null : Buffer.from(key), limit);
      return (rows as unknown as Row[]).map(lineOf);
    },
  };
}

function lineOf({ at_ms: at, mapping, key, side, event, reason, bytes }: Row): HistoryLine {
  return {
    at: at as EpochMs,
    mapping,
    key: (key ?? undefined) as Key | undefined,
    side: (side ?? undefined) as HistoryLine["side"],
    event: event as HistoryEvent,
    reason,
    bytes: bytes ?? undefined,
  };
}
