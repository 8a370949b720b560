// Why a mapping is held: the guards of the engine, and those that compare a mapping with what it was when its last round
// was done [DESIGN 9]. Pure: what is planned and what has changed in, a reason or none out.

import { countedKeys, renderTrip, type Trip } from "../core/guards.ts";
import type { PlanSeen } from "../engine/round.ts";

export type HoldReason =
  | Trip
  /** The folder is another one than it was, and little of what was in it is there. */
  | { readonly guard: "root-changed"; readonly touched: number; readonly unchanged: number }
  | { readonly guard: "namespace-changed"; readonly was: string; readonly now: string }
  | { readonly guard: "filter-changed"; readonly removes: number };

/** What is not as it was when the last round was done. */
export interface Circumstances {
  readonly rootChanged: boolean;
  readonly namespaceChanged: { readonly was: string; readonly now: string } | undefined;
  readonly filterChanged: boolean;
}

export interface Planned {
  readonly writes: number;
  readonly removes: number;
  /** Writes that replace something. */
  readonly replaces: number;
}

/** The reason to hold a plan, or undefined. A folder counts as the same one, whatever its device and inode, if at least
 * half of what the plan is about is as it was: a restored backup, or a disk that was given another number. */
export function judgePlan(planned: Planned, seen: PlanSeen, circumstances: Circumstances): HoldReason | undefined {
  const { writes, removes, replaces } = planned;
  if (seen.trip !== undefined) return seen.trip;
  const { namespaceChanged } = circumstances;
  if (namespaceChanged !== undefined && writes + removes > 0)
    return { guard: "namespace-changed", ...namespaceChanged };
  const touched = replaces + removes;
  if (circumstances.rootChanged && touched > 0 && seen.unchanged < touched)
    return { guard: "root-changed", touched, unchanged: seen.unchanged };
  if (circumstances.filterChanged && removes > 0) return { guard: "filter-changed", removes };
  return undefined;
}

/** In lower case, for status, logs and hooks: `320 keys would be removed, and 80 are allowed (max_delete)`. */
export function renderHoldReason(reason: HoldReason): string {
  switch (reason.guard) {
    case "source-empty":
    case "max-delete":
    case "max-overwrite":
      return renderTrip(reason);
    case "root-changed":
      return `the folder is not the one it was: ${countedKeys(reason.touched)} would be replaced or removed, and ${reason.unchanged} are as they were`;
    case "namespace-changed":
      return `the namespace is not the one it was: its id was ${reason.was} and is ${reason.now}`;
    case "filter-changed":
      return `include or exclude changed, and ${countedKeys(reason.removes)} would be removed`;
  }
}

/** As the journal keeps it. */
export function encodeHoldReason(reason: HoldReason): string {
  return JSON.stringify(reason);
}

export function decodeHoldReason(text: string): HoldReason {
  return JSON.parse(text) as HoldReason;
}
