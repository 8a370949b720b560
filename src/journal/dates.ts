// What the journal dates for a pair, and a clock that is set back. A settle window runs from such a date; one that lies ahead, since
// the clock was wrong when it was written, would keep a key as it is until then, for years if need be.

import type { DatabaseSync } from "node:sqlite";
import type { EpochMs } from "../core/clock.ts";
import { transaction } from "./journal.ts";
import { prepared } from "./prepared.ts";

export interface Dates {
  /** Something is dated `now`. */
  note(now: EpochMs): void;
  /** Dates what lies ahead of `now` anew. Costs next to nothing unless there is something. */
  redate(now: EpochMs): void;
}

/** Each dates the rows of pair ?1 that lie ahead of ?2. */
const REDATE: readonly string[] = [
  "UPDATE base SET agreed_at_ms = ?2 WHERE pair = ?1 AND coalesce(agreed_at_ms, hashed_at_ms) > ?2",
  // Of a tombstone; that of a file says when it was read.
  "UPDATE base SET hashed_at_ms = ?2 WHERE pair = ?1 AND fingerprint IS NULL AND hashed_at_ms > ?2",
  "UPDATE base SET previous = dated_versions(previous, ?2) WHERE pair = ?1 AND previous IS NOT NULL",
  "UPDATE unsettled_version SET seen_at_ms = ?2 WHERE pair = ?1 AND seen_at_ms > ?2",
  "UPDATE intent SET since_ms = ?2 WHERE pair = ?1 AND since_ms > ?2",
  "UPDATE pair SET dated_ms = ?2 WHERE id = ?1",
];

export function openDates(database: DatabaseSync, pair: number): Dates {
  const latest = prepared(database, "SELECT dated_ms FROM pair WHERE id = ?");
  const note = prepared(database, "UPDATE pair SET dated_ms = ?2 WHERE id = ?1 AND dated_ms < ?2");
  return {
    note: (now) => void note.run(pair, now),
    redate(now) {
      const { dated_ms: datedMs } = latest.get(pair) as { readonly dated_ms: number };
      if (datedMs <= now) return;
      transaction(database, () => {
        for (const step of REDATE) prepared(database, step).run(pair, now);
      });
    },
  };
}
