// History: what was done to keys, when and why, so that a person can ask. It explains and decides nothing: old lines go
// when there are too many, and losing all of it loses no data.

import type { SQLInputValue } from "node:sqlite";
import type { ByteCount, EpochMs } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import { type Journal, transaction } from "./journal.ts";
import { lastUntil, type Moment } from "./true-order.ts";

export const HISTORY_EVENTS = [
  "added",
  "changed",
  "removed",
  /** Both sides had changed the key. */
  "conflict",
  /** A person decided a conflict. */
  "resolved",
  /** A value of the trash was written back. */
  "restored",
  "held",
  "approved",
  "lifted",
  /** The plan that the mapping was held with was dropped. */
  "discarded",
  "paused",
  "resumed",
  "failed",
  /** A backup was made. */
  "backed-up",
  /** More keys of one round than are kept one by one. */
  "more",
] as const;

export type HistoryEvent = (typeof HISTORY_EVENTS)[number];

/** What is written down. */
export interface HistoryNote {
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

export interface HistoryLine extends HistoryNote {
  /** Later lines have greater ones. */
  readonly id: number;
}

/** Lines that are all of this. */
export interface HistoryFilter {
  readonly mapping?: string | undefined;
  readonly key?: string | undefined;
  /** Part of the key, as it is written. */
  readonly text?: string | undefined;
  readonly event?: HistoryEvent | undefined;
  /** Not before this, by the time of day. */
  readonly since?: EpochMs | undefined;
  /** Not after this. */
  readonly until?: EpochMs | undefined;
  /** Older than the line of this id. */
  readonly before?: number | undefined;
}

export interface HistoryQuery extends HistoryFilter {
  readonly limit: number;
}

export interface History {
  append(notes: readonly HistoryNote[]): void;
  /** The newest, newest first. 200,000 lines are looked through in 20 to 40 ms: a look stops at the limit, and no index would be read
   * more quickly than the lines themselves. */
  list(query: HistoryQuery): readonly HistoryLine[];
  /** What happened to each key of `mapping` after a moment. A person's choice is none of it: what is done of it has lines of its own. */
  changesAfter(mapping: string, after: Moment): ReadonlyMap<Key, KeyChanges>;
}

export interface KeyChanges {
  readonly first: HistoryEvent;
  readonly last: HistoryEvent;
}

/** About 20 MB. */
const LINES_MAX = 200_000;
const KEEP_MS = 90 * 86_400_000;
/** So many of the newest stay whatever their age: a clock that jumps ahead makes all of them old at once. */
const KEPT_WHATEVER_AGE = 20_000;
/** Old lines are looked for once in so many appended ones. */
const PRUNE_EVERY = 1000;

interface Row {
  readonly id: number;
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
  const removeExcess = database.prepare("DELETE FROM history WHERE id <= (SELECT max(id) FROM history) - ?");
  const removeOld = database.prepare(
    // Lines are in order of time: the first that is young enough ends the search.
    `DELETE FROM history WHERE id < (SELECT id FROM history WHERE at_ms >= ?1 ORDER BY id LIMIT 1)
     AND id <= (SELECT max(id) FROM history) - ?2`,
  );
  let sincePruned = PRUNE_EVERY;
  return {
    append(notes) {
      const last = notes.at(-1);
      if (last === undefined) return;
      transaction(database, () => {
        for (const { at, mapping, key, side, event, reason, bytes } of notes) {
          const blob = key === undefined ? null : Buffer.from(key);
          insert.run(at, mapping, blob, side ?? null, event, reason, bytes ?? null);
        }
        sincePruned += notes.length;
        if (sincePruned < PRUNE_EVERY) return;
        sincePruned = 0;
        removeExcess.run(LINES_MAX);
        removeOld.run(last.at - KEEP_MS, KEPT_WHATEVER_AGE);
      });
    },
    list(query) {
      const { where, values } = conditionsOf(query);
      const rows = database
        .prepare(
          `SELECT id, at_ms, mapping, CAST(key AS TEXT) AS key, side, event, reason, bytes
           FROM history ${where} ORDER BY id DESC LIMIT ?`,
        )
        .all(...values, query.limit);
      return (rows as unknown as Row[]).map(lineOf);
    },
    changesAfter(mapping, after) {
      const rows = database
        .prepare(
          `SELECT CAST(key AS TEXT) AS key, event FROM history
           WHERE mapping = ? AND id > ? AND key IS NOT NULL AND event <> 'resolved' ORDER BY id`,
        )
        .iterate(mapping, lastUntil(database, "history", after)) as Iterable<unknown>;
      const changes = new Map<Key, KeyChanges>();
      for (const row of rows) {
        const { key, event } = row as { readonly key: Key; readonly event: HistoryEvent };
        changes.set(key, { first: changes.get(key)?.first ?? event, last: event });
      }
      return changes;
    },
  };
}

type Condition = readonly [test: string, value: string | number | Buffer | undefined];

function conditionsOf(filter: HistoryFilter): { readonly where: string; readonly values: SQLInputValue[] } {
  const { mapping, key, text, event, since, until, before } = filter;
  const others: readonly Condition[] = [
    ["key = ?", bytesOf(key)],
    ["instr(key, ?) > 0", bytesOf(text)],
    ["event = ?", event],
    ["at_ms >= ?", since],
    ["at_ms <= ?", until],
  ];
  const passesOver = others.some(([, value]) => value !== undefined);
  // By its index a mapping's lines are looked up one by one: where many are passed over, to read all lines in a row is twice as fast.
  const ofMapping: Condition = [passesOver ? "+mapping = ?" : "mapping = ?", mapping];
  const all = [ofMapping, ...others, ["id < ?", before] as const].filter(([, value]) => value !== undefined);
  return {
    where: all.length === 0 ? "" : `WHERE ${all.map(([test]) => test).join(" AND ")}`,
    values: all.map(([, value]) => value!),
  };
}

function bytesOf(text: string | undefined): Buffer | undefined {
  return text === undefined ? undefined : Buffer.from(text);
}

function lineOf({ id, at_ms: at, mapping, key, side, event, reason, bytes }: Row): HistoryLine {
  return {
    id,
    at: at as EpochMs,
    mapping,
    key: (key ?? undefined) as Key | undefined,
    side: (side ?? undefined) as HistoryLine["side"],
    event: event as HistoryEvent,
    reason,
    bytes: bytes ?? undefined,
  };
}
