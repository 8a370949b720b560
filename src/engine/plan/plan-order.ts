// The order in which the actions of a plan are shown: what destroys something goes before what does not.

import type { RemoveAction, WriteAction } from "./action.ts";
import type { Plan } from "./plan.ts";

export type ChangeKind = "remove" | "change" | "conflict" | "add";

export const SHOWN_ORDER: readonly ChangeKind[] = ["remove", "change", "conflict", "add"];

/** The writes and removals of one kind, in key order on each side. */
export function* actionsOf(plan: Plan, kind: ChangeKind): Generator<WriteAction | RemoveAction> {
  for (const to of ["destination", "source"] as const) {
    if (kind === "remove") for (const page of plan.pages(`remove:${to}`)) yield* page;
    else for (const page of plan.pages(`write:${to}`)) yield* page.filter((action) => kindOf(action) === kind);
  }
}

/** All writes and removals, read once: those of one kind are in key order on each side. */
export function* changesOf(plan: Plan): Generator<WriteAction | RemoveAction> {
  for (const list of ["remove", "write"] as const)
    for (const to of ["destination", "source"] as const) for (const page of plan.pages(`${list}:${to}`)) yield* page;
}

export function kindOf(action: WriteAction | RemoveAction): ChangeKind {
  if (action.kind === "remove") return "remove";
  const { replaces, conflict } = action;
  if (conflict !== undefined) return "conflict";
  return replaces === undefined ? "add" : "change";
}
