// What a plan that is held would do, as a person is shown it before they let it run: kept in the journal when the plan is held, so that nobody
// has to ask the remote for it, and bounded. What destroys something comes first.

import type { Mode } from "../config/config.ts";
import type { ByteCount } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { countByFolder } from "../core/folder-counts.ts";
import type { RemoveAction, WriteAction } from "../engine/plan/action.ts";
import type { Plan } from "../engine/plan/plan.ts";
import { actionsOf, type ChangeKind, SHOWN_ORDER } from "../engine/plan/plan-order.ts";
import type { Holds } from "../journal/holds.ts";
import { localSide } from "./hold-reason.ts";
import { holdStatus } from "./round-status.ts";
import type { HoldStatus } from "./status.ts";

interface PlanLine {
  readonly kind: ChangeKind;
  /** The side that it changes. */
  readonly side: "local" | "remote";
  readonly key: string;
  /** Of what is written, or of what is removed. */
  readonly bytes: ByteCount | null;
}

interface PlanRecord {
  /** Removals, changes, conflicts and additions, each in key order on each side. */
  readonly actions: readonly PlanLine[];
  /** How many of each are not among them. */
  readonly more: Readonly<Record<Plural, number>>;
  /** Where those are, by first folder, for people; "": there are none. */
  readonly folders: Readonly<Record<Plural, string>>;
}

export interface HeldPlan extends HoldStatus, PlanRecord {
  readonly mapping: string;
}

type Plural = "removes" | "changes" | "conflicts" | "adds";

/** The first of them that there are more of take the places that others leave. */
const LINES_MAX = 1000;
const LINES_OF_EACH_MIN = 50;
const PLURALS: Readonly<Record<ChangeKind, Plural>> = {
  remove: "removes",
  change: "changes",
  conflict: "conflicts",
  add: "adds",
};

export function recordPlan(plan: Plan, mode: Mode): PlanRecord {
  const places = placesOf(plan);
  const actions: PlanLine[] = [];
  const more = { removes: 0, changes: 0, conflicts: 0, adds: 0 };
  const folders = { removes: "", changes: "", conflicts: "", adds: "" };
  for (const kind of SHOWN_ORDER) {
    const left = countByFolder();
    let free = places[kind];
    for (const action of actionsOf(plan, kind)) {
      if (free-- > 0) actions.push(lineOf(kind, action, mode));
      else left.add(action.key);
    }
    more[PLURALS[kind]] = left.total();
    folders[PLURALS[kind]] = left.render();
  }
  return { actions, more, folders };
}

/** How many of each kind are kept: some of each, and what destroys something before what does not. */
function placesOf(plan: Plan): Record<ChangeKind, number> {
  const counts = { remove: plan.removes, change: 0, conflict: plan.conflicts, add: 0 };
  for (const _ of actionsOf(plan, "change")) counts.change++;
  counts.add = plan.writes - counts.change - counts.conflict;
  const places = { remove: 0, change: 0, conflict: 0, add: 0 };
  let free = LINES_MAX;
  for (const least of [LINES_OF_EACH_MIN, LINES_MAX]) {
    for (const kind of SHOWN_ORDER) {
      const taken = Math.min(counts[kind] - places[kind], least, free);
      places[kind] += taken;
      free -= taken;
    }
  }
  return places;
}

function lineOf(kind: ChangeKind, action: WriteAction | RemoveAction, mode: Mode): PlanLine {
  const { size } = action.kind === "remove" ? action.replaces : action.from;
  return { kind, side: action.to === localSide(mode) ? "local" : "remote", key: action.key, bytes: size ?? null };
}

/** As the journal keeps it. */
export function keepPlan(holds: Holds, mapping: string, id: string, plan: Plan, mode: Mode): void {
  if (holds.planOf(mapping, id) === undefined) holds.keepPlan(mapping, id, JSON.stringify(recordPlan(plan, mode)));
}

/** Throws AppError `usage` if `mapping` is not held. */
export function readHeldPlan(holds: Holds, mapping: string): HeldPlan {
  const hold = holds.get(mapping);
  if (hold === undefined) throw new AppError("usage", `mapping "${mapping}" is not held: there is no plan to show`);
  const kept = holds.planOf(mapping, hold.plan);
  // A hold of an older kvsync: the next look at everything keeps its plan.
  const record = kept === undefined ? notKept(hold) : (JSON.parse(kept) as PlanRecord);
  return { mapping, ...holdStatus(hold), ...record };
}

function notKept({ writes, removes }: { readonly writes: number; readonly removes: number }): PlanRecord {
  return {
    actions: [],
    more: { removes, changes: writes, conflicts: 0, adds: 0 },
    folders: { removes: "", changes: "", conflicts: "", adds: "" },
  };
}
