// Pauses: mappings of which a person asked that nothing be done until they are resumed. Kept in the journal, so that a restart changes
// nothing about them, and by name: a mapping that goes from the config and comes back is paused still.

import type { Clock, EpochMs } from "../core/clock.ts";
import { openHistory } from "./history.ts";
import { openHolds } from "./holds.ts";
import { durableTransaction, type Journal } from "./journal.ts";

export interface Pause {
  readonly mapping: string;
  readonly since: EpochMs;
  /** As the person gave it; undefined: no reason was given. */
  readonly reason: string | undefined;
}

export interface Pauses {
  get(mapping: string): Pause | undefined;
  list(): readonly Pause[];
  /** One that is paused already stays so since then; a reason that is given takes the place of the old one. */
  pause(mapping: string, reason: string | undefined): Pause;
  /** False: it was not paused. */
  resume(mapping: string): boolean;
  /** Drops the plan that a paused mapping is held with. False: it is not held, or by another plan than `plan`. */
  discard(mapping: string, plan: string): boolean;
}

/** Each change is on disk when its method returns, with its line of history: a person has been told that it is so. */
export function openPauses(journal: Journal, clock: Pick<Clock, "now">): Pauses {
  const { database } = journal;
  const select = database.prepare("SELECT mapping, since_ms, reason FROM pause WHERE mapping = ?");
  const insert = database.prepare("INSERT OR REPLACE INTO pause VALUES (?, ?, ?)");
  const remove = database.prepare("DELETE FROM pause WHERE mapping = ?");
  const history = openHistory(journal);
  const holds = openHolds(journal);
  const get = (mapping: string): Pause | undefined => pauseOf(select.get(mapping) as Row | undefined);

  /** Does `change`, and tells of it, both or neither. False: there was nothing to change. */
  const told = (mapping: string, event: "paused" | "resumed" | "discarded", reason: string, change: () => boolean) =>
    durableTransaction(database, () => {
      if (!change()) return false;
      const about = { mapping, key: undefined, side: undefined, bytes: undefined };
      history.append([{ ...about, at: clock.now(), event, reason }]);
      return true;
    });
  return {
    get,
    list: () => listPauses(journal),
    pause(mapping, reason) {
      const before = get(mapping);
      const pause = { mapping, since: before?.since ?? clock.now(), reason: reason ?? before?.reason };
      if (before !== undefined && before.reason === pause.reason) return before;
      told(mapping, "paused", pause.reason ?? "a person asked for it", () => {
        insert.run(mapping, pause.since, pause.reason ?? null);
        return true;
      });
      return pause;
    },
    resume: (mapping) => told(mapping, "resumed", "a person asked for it", () => remove.run(mapping).changes === 1),
    discard: (mapping, plan) => told(mapping, "discarded", `plan ${plan}`, () => holds.discard(mapping, plan)),
  };
}

/** For who only looks. */
export function listPauses({ database }: Journal): readonly Pause[] {
  const rows = database.prepare("SELECT mapping, since_ms, reason FROM pause ORDER BY mapping").all();
  return (rows as unknown as Row[]).map((row) => pauseOf(row)!);
}

interface Row {
  readonly mapping: string;
  readonly since_ms: number;
  readonly reason: string | null;
}

function pauseOf(row: Row | undefined): Pause | undefined {
  if (row === undefined) return undefined;
  return { mapping: row.mapping, since: row.since_ms as EpochMs, reason: row.reason ?? undefined };
}
