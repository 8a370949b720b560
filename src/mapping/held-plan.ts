// What a plan that is held would do, as a person is shown it before they let it run: kept in the journal when the plan is held, so that nobody
// has to ask the remote for it, and bounded. What destroys something comes first.

import type { Mode } from "../config/config.ts";
import type { ByteCount } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { countByFolder, type FolderCounts } from "../core/folder-counts.ts";
import type { RemoveAction, WriteAction } from "../engine/plan/action.ts";
import type { Plan } from "../engine/plan/plan.ts";
import { type ChangeKind, changesOf, kindOf, SHOWN_ORDER } from "../engine/plan/plan-order.ts";
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

const LINES_MAX = 1000;
/** So many of each kind are kept, if there are: what one kind does not need, the next ones get, in the order in which they are shown. */
const LINES_OF_EACH_MIN = 50;
const PLURALS: Readonly<Record<ChangeKind, Plural>> = {
  remove: "removes",
  change: "changes",
  conflict: "conflicts",
  add: "adds",
};

/** Reads the plan once: to read a large one back costs as much as to make it. */
export function recordPlan(plan: Plan, mode: Mode): PlanRecord {
  const kinds = { remove: openKind(), change: openKind(), conflict: openKind(), add: openKind() };
  for (const action of changesOf(plan)) {
    const { first, rest } = kinds[kindOf(action)];
    if (first.length < LINES_MAX) first.push(lineOf(action, mode));
    else rest.add(action.key);
  }
  const places = placesOf(kinds);
  const actions: PlanLine[] = [];
  const more = { removes: 0, changes: 0, conflicts: 0, adds: 0 };
  const folders = { removes: "", changes: "", conflicts: "", adds: "" };
  for (const kind of SHOWN_ORDER) {
    const { first, rest } = kinds[kind];
    actions.push(...first.slice(0, places[kind]));
    for (const { key } of first.slice(places[kind])) rest.add(key);
    more[PLURALS[kind]] = rest.total();
    folders[PLURALS[kind]] = rest.render();
  }
  return { actions, more, folders };
}

interface Kind {
  readonly first: PlanLine[];
  /** By first folder. */
  readonly rest: FolderCounts;
}

function openKind(): Kind {
  return { first: [], rest: countByFolder() };
}

/** How many of each kind are kept: some of each, and what destroys something before what does not. */
function placesOf(kinds: Readonly<Record<ChangeKind, Kind>>): Record<ChangeKind, number> {
  const places = { remove: 0, change: 0, conflict: 0, add: 0 };
  let free = LINES_MAX;
  for (const least of [LINES_OF_EACH_MIN, LINES_MAX]) {
    for (const kind of SHOWN_ORDER) {
      const taken = Math.min(kinds[kind].first.length - places[kind], least, free);
      places[kind] += taken;
      free -= taken;
    }
  }
  return places;
}

function lineOf(action: WriteAction | RemoveAction, mode: Mode): PlanLine {
  const { size } = action.kind === "remove" ? action.replaces : action.from;
  return {
    kind: kindOf(action),
    side: action.to === localSide(mode) ? "local" : "remote",
    key: action.key,
    bytes: size ?? null,
  };
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
