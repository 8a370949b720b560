// Holds: mappings whose plan a guard stopped, and that wait for a person. Kept in the journal, so that a restart changes
// nothing about them.

import type { EpochMs } from "../core/clock.ts";
import type { Journal } from "./journal.ts";

export interface Hold {
  readonly mapping: string;
  /** Names the plan: the same keys and actions have the same id, anything else has another. */
  readonly plan: string;
  /** JSON: which guard, and its numbers. */
  readonly reason: string;
  readonly writes: number;
  readonly removes: number;
  readonly since: EpochMs;
  /** A person let this very plan pass, and it has not run yet. */
  readonly approved: boolean;
}

export interface Holds {
  /** With the plan that waits now. */
  get(mapping: string): Hold | undefined;
  /** Also one whose plan was discarded: what the mapping was held for counts until a look at all keys finds it over. */
  before(mapping: string): Hold | undefined;
  list(): readonly Hold[];
  put(hold: Hold): void;
  /** Lets the plan that is held now pass. False: there is no hold, or it is about another plan. */
  approve(mapping: string, plan: string): boolean;
  /** What the plan would do, for people; as text. It goes with the hold, or when another plan is kept. */
  keepPlan(mapping: string, plan: string, record: string): void;
  planOf(mapping: string, plan: string): string | undefined;
  /** Drops the plan, so that it can be approved no more. False: there is no hold, or it is about another plan. */
  discard(mapping: string, plan: string): boolean;
  /** False: there was none. */
  lift(mapping: string): boolean;
}

interface Row {
  readonly mapping: string;
  readonly plan: string;
  readonly reason: string;
  readonly writes: number;
  readonly removes: number;
  readonly since_ms: number;
  readonly approved: number;
}

export function openHolds({ database }: Journal): Holds {
  const select = database.prepare("SELECT * FROM hold WHERE mapping = ? AND plan <> ''");
  const selectBefore = database.prepare("SELECT * FROM hold WHERE mapping = ?");
  const selectAll = database.prepare("SELECT * FROM hold WHERE plan <> '' ORDER BY since_ms");
  const insert = database.prepare("INSERT OR REPLACE INTO hold VALUES (?, ?, ?, ?, ?, ?, ?)");
  const approve = database.prepare("UPDATE hold SET approved = 1 WHERE mapping = ? AND plan = ? AND plan <> ''");
  const discard = database.prepare(
    "UPDATE hold SET plan = '', approved = 0 WHERE mapping = ? AND plan = ? AND plan <> ''",
  );
  const remove = database.prepare("DELETE FROM hold WHERE mapping = ?");
  const selectPlan = database.prepare("SELECT record FROM held_plan WHERE mapping = ? AND plan = ?");
  const insertPlan = database.prepare("INSERT OR REPLACE INTO held_plan VALUES (?, ?, ?)");
  const removePlan = database.prepare("DELETE FROM held_plan WHERE mapping = ?");
  return {
    get: (mapping) => holdOf(select.get(mapping) as Row | undefined),
    before: (mapping) => holdOf(selectBefore.get(mapping) as Row | undefined),
    list: () => (selectAll.all() as unknown as Row[]).map((row) => holdOf(row)!),
    put: ({ mapping, plan, reason, writes, removes, since, approved }) => {
      insert.run(mapping, plan, reason, writes, removes, since, approved ? 1 : 0);
    },
    approve: (mapping, plan) => approve.run(mapping, plan).changes === 1,
    discard: (mapping, plan) => {
      if (discard.run(mapping, plan).changes === 0) return false;
      removePlan.run(mapping);
      return true;
    },
    keepPlan: (mapping, plan, record) => void insertPlan.run(mapping, plan, record),
    planOf: (mapping, plan) => (selectPlan.get(mapping, plan) as { readonly record: string } | undefined)?.record,
    lift: (mapping) => {
      removePlan.run(mapping);
      return remove.run(mapping).changes === 1;
    },
  };
}

function holdOf(row: Row | undefined): Hold | undefined {
  if (row === undefined) return undefined;
  const { mapping, plan, reason, writes, removes, since_ms: since, approved } = row;
  return { mapping, plan, reason, writes, removes, since: since as EpochMs, approved: approved === 1 };
}
