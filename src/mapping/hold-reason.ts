// Why a mapping is held: the guards of the engine, and those that compare a mapping with what it was when its last round
// was done. Pure: what is planned and what has changed in, a reason or none out.

import type { Mode, RootSwaps } from "../config/config.ts";
import { countedKeys, renderTrip, type SideNames, type Trip } from "../core/guards.ts";
import type { PlanTrip } from "../engine/plan/measure.ts";
import type { Target } from "../engine/plan/action.ts";
import type { PlanSeen } from "../engine/round-request.ts";

export type HoldReason =
  /** `side`: the one that the plan would change; holds of old versions do not say. */
  | (Trip & { readonly side?: "local" | "remote" })
  /** The folder is another one than it was, and little of what was in it is there. `touched`: keys that were in it and are
   * not as they were. */
  | { readonly guard: "root-changed"; readonly touched: number; readonly unchanged: number }
  | { readonly guard: "namespace-changed"; readonly was: string; readonly now: string }
  | { readonly guard: "filter-changed"; readonly removes: number }
  /** Less would be removed than it was held for, and no guard would hold that by itself: a folder that is being filled again,
   * file by file, and is not whole yet. */
  | { readonly guard: "removals-left"; readonly removes: number }
  /** The same of overwrites. */
  | { readonly guard: "overwrites-left"; readonly overwrites: number };

/** What a hold is about lasts until the plan does none of it any more, or a person lets it. */
type HeldChange = "removals" | "overwrites";

/** A reason to hold a plan now, and what the mapping was held for before, under other reasons, and that is not over. */
export type HeldFor = HoldReason & { readonly still?: readonly HeldChange[] };

/** What is not as it was when the last round was done. */
export interface Circumstances {
  readonly rootChanged: boolean;
  readonly namespaceChanged: { readonly was: string; readonly now: string } | undefined;
  readonly filterChanged: boolean;
}

export interface Planned {
  readonly writes: number;
  /** Now, and later: what waits (`remove_after`) is no less a sign of an accident. */
  readonly removes: number;
  /** Writes that replace something. */
  readonly replaces: number;
}

/** What a mapping says of its plans, and what became of the last one. */
export interface MappingRule {
  readonly mode: Mode;
  readonly rootSwaps: RootSwaps;
  /** What the mapping is held for now, and not approved. */
  readonly heldFor?: HeldFor | undefined;
}

/** The reason to hold a plan, or undefined. Where the folder is replaced on purpose, that it was is none, nor does anything last
 * of a hold for it. */
export function judgePlan(
  planned: Planned,
  seen: PlanSeen,
  circumstances: Circumstances,
  { mode, rootSwaps, heldFor }: MappingRule,
): HeldFor | undefined {
  const { removes } = planned;
  const { overwrites } = seen;
  const isAllowed = rootSwaps === "allow";
  const rootChanged = circumstances.rootChanged && !isAllowed;
  const reason = reasonOf(planned, seen, { ...circumstances, rootChanged }, mode);
  // What cannot be told of a key may be just that.
  const isLeft = (change: HeldChange): boolean => seen.unseen > 0 || (change === "removals" ? removes : overwrites) > 0;
  const isOver = isAllowed && heldFor?.guard === "root-changed";
  const still = isOver ? [] : heldChanges(heldFor).filter(isLeft);
  if (reason !== undefined) return { ...reason, ...(still.length > 0 && { still }) };
  if (still.includes("overwrites") && (overwrites > 0 || !still.includes("removals")))
    return { guard: "overwrites-left", overwrites, still };
  return still.includes("removals") ? { guard: "removals-left", removes, still } : undefined;
}

/** The reason that this plan by itself gives. What has changed about the mapping as a whole goes before what the plan does,
 * since it tells more of the cause. A folder counts as the same one, whatever its device and inode, if at least half of
 * what the plan is about is as it was: a restored backup, or a disk that was given another number. */
function reasonOf(
  { writes, removes, replaces }: Planned,
  seen: PlanSeen,
  { namespaceChanged, rootChanged, filterChanged }: Circumstances,
  mode: Mode,
): HoldReason | undefined {
  // What was in the folder and is not, but for what the plan would remove for it elsewhere.
  const missing = seen.restored[localSide(mode)];
  const touched = replaces + removes + missing;
  if (rootChanged && touched > 0 && seen.unchanged < touched)
    return { guard: "root-changed", touched, unchanged: seen.unchanged };
  if (namespaceChanged !== undefined && writes + removes > 0)
    return { guard: "namespace-changed", ...namespaceChanged };
  if (filterChanged && removes > 0) return { guard: "filter-changed", removes };
  return seen.trip && holdOfTrip(seen.trip, mode);
}

function heldChanges(held: HeldFor | undefined): readonly HeldChange[] {
  return held === undefined ? [] : [...new Set([...(LASTING[held.guard] ?? []), ...(held.still ?? [])])];
}

const LASTING: { readonly [guard in HoldReason["guard"]]?: readonly HeldChange[] } = {
  "source-empty": ["removals"],
  "max-delete": ["removals"],
  "removals-left": ["removals"],
  // Another folder in its place lacks files, or holds other ones.
  "root-changed": ["removals", "overwrites"],
  "max-overwrite": ["overwrites"],
  "overwrites-left": ["overwrites"],
};

function holdOfTrip({ to, ...trip }: PlanTrip, mode: Mode): HoldReason {
  return { ...trip, side: to === localSide(mode) ? "local" : "remote" };
}

/** Which side of a round is the folder. */
export function localSide(mode: Mode): Target {
  return mode === "pull" ? "destination" : "source";
}

/** What a side of a mapping is called, where the plan would change `side`. */
function sideNames(side: "local" | "remote" | undefined): SideNames {
  if (side === undefined) return { changed: "a side", other: "the other" };
  const [changed, other] = side === "local" ? ["the folder", "the namespace"] : ["the namespace", "the folder"];
  return { changed, other };
}

/** In lower case, for status, logs and hooks: `320 keys would be removed from the folder, and 80 are allowed (max_delete)`. */
export function renderHoldReason(reason: HoldReason): string {
  switch (reason.guard) {
    case "source-empty":
    case "max-delete":
    case "max-overwrite":
      return renderTrip(reason, sideNames(reason.side));
    case "root-changed":
      return `the folder is not the one it was: ${reason.unchanged} of ${countedKeys(reason.unchanged + reason.touched)} are as they were`;
    case "namespace-changed":
      return `the namespace is not the one it was: its id was ${reason.was} and is ${reason.now}`;
    case "filter-changed":
      return `include or exclude changed, and ${countedKeys(reason.removes)} would be removed`;
    case "removals-left":
      return `it was held since much was gone, and ${renderLeft(reason.removes, "removed")}`;
    case "overwrites-left":
      return `it was held since much was overwritten, and ${renderLeft(reason.overwrites, "overwritten")}`;
  }
}

function renderLeft(keys: number, what: string): string {
  return keys > 0 ? `${countedKeys(keys)} would still be ${what}` : "not all keys could be looked at since";
}

/** What to do about it if it is not meant; the hold ends by itself then. */
export function renderHoldAdvice(reason: HoldReason): string {
  switch (reason.guard) {
    case "root-changed":
      return "if that is not meant, mount its disk or bring back the folder it was, and it goes on by itself; if the folder is always replaced so (a link that is swapped, a build that makes it anew), set root_swaps: allow, and kvsync reload";
    case "namespace-changed":
      return "if that is not meant, name the right namespace in the config, and kvsync reload";
    case "filter-changed":
      return "if that is not meant, put the patterns back as they were, and kvsync reload";
    case "max-delete":
      if (reason.lately === undefined) return BRING_BACK;
      return `${BRING_BACK}; what was removed before is in the trash: kvsync trash list`;
    case "source-empty":
    case "max-overwrite":
    case "removals-left":
    case "overwrites-left":
      return BRING_BACK;
  }
}

const BRING_BACK = "if that is not meant, bring back what was there, and it goes on by itself";

/** As the journal keeps it. */
export function encodeHoldReason(reason: HeldFor): string {
  return JSON.stringify(reason);
}

export function decodeHoldReason(text: string): HeldFor {
  return JSON.parse(text) as HeldFor;
}
