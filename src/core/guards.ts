// Guards: they judge a whole plan before its first action runs. All or nothing: a plan that trips one is held, and none
// of it is done until a person says so.

export interface GuardLimits {
  /** Deletions allowed on a side: this share of the keys there, but always {@link DELETES_ALLOWED_MIN}, unless the share is 0. Or a
   * plain count. */
  readonly maxDelete: { readonly share: number } | { readonly count: number };
  /** Keys that both sides had agreed on and that may be overwritten on a side: this share of them, but always
   * {@link OVERWRITES_ALLOWED_MIN}, unless it is 0; or a plain count; or, "not-all", all but one. */
  readonly maxOverwrite: { readonly share: number } | { readonly count: number } | "not-all";
}

/** Deletions that are always allowed where the limit is a share: a small namespace would trip on every second one. They are
 * never all of a side, nor all that both sides had agreed on: an unmounted disk may leave a folder that is not quite empty. */
const DELETES_ALLOWED_MIN = 10;
/** Of fewer keys it is no news that all of them changed. */
const OVERWRITES_ALLOWED_MIN = 9;

/** What a plan does to the destination. */
export interface PlanCounts {
  readonly sourceKeys: number;
  readonly destinationKeys: number;
  readonly removes: number;
  /** Writes that replace the value of a key that both sides had agreed on. */
  readonly overwrites: number;
  /** Keys that both sides had agreed on and still have. */
  readonly agreed: number;
  /** Keys that both sides had agreed on and that the destination still has, whatever has become of them at the source. */
  readonly known: number;
  /** Removals of such keys. */
  readonly knownRemoves: number;
  /** Removals of values that the plan writes under another name. */
  readonly renames: number;
  /** What rounds before removed from it, and counts with the removals: see core/recent-removals.ts. */
  readonly removedLately: number;
}

export type Trip =
  | { readonly guard: "source-empty"; readonly removes: number }
  /** `lately`: what rounds of the last ten minutes had removed, and is none of `removes`; absent: nothing. */
  | { readonly guard: "max-delete"; readonly removes: number; readonly allowed: number; readonly lately?: number }
  | {
      readonly guard: "max-overwrite";
      readonly overwrites: number;
      readonly agreed: number;
      readonly allowed: number;
    };

/** The guard that `counts` trip, or undefined. */
export function checkGuards(counts: PlanCounts, limits: GuardLimits): Trip | undefined {
  return checkRemoves(counts, limits) ?? checkOverwrites(counts, limits);
}

function checkRemoves(counts: PlanCounts, { maxDelete }: GuardLimits): Trip | undefined {
  const { removes, removedLately, destinationKeys, known, knownRemoves } = counts;
  if (removes === 0) return undefined;
  const isEmptied = removes >= destinationKeys || (known > 0 && knownRemoves >= known);
  if (counts.sourceKeys === 0 || (isEmptied && !isMoved(counts))) return { guard: "source-empty", removes };
  const allowed = allowedOf(maxDelete, destinationKeys + removedLately, DELETES_ALLOWED_MIN);
  if (removes + removedLately <= allowed) return undefined;
  return { guard: "max-delete", removes, allowed, ...(removedLately > 0 && { lately: removedLately }) };
}

/** Most of what would be removed stays under another name. */
function isMoved({ removes, renames }: PlanCounts): boolean {
  return 2 * renames > removes;
}

function checkOverwrites({ overwrites, agreed }: PlanCounts, { maxOverwrite }: GuardLimits): Trip | undefined {
  const allowed = overwritesAllowed(agreed, maxOverwrite);
  return overwrites > allowed ? { guard: "max-overwrite", overwrites, agreed, allowed } : undefined;
}

function overwritesAllowed(agreed: number, limit: GuardLimits["maxOverwrite"]): number {
  if (limit === "not-all") return Math.max(OVERWRITES_ALLOWED_MIN, agreed - 1);
  return allowedOf(limit, agreed, OVERWRITES_ALLOWED_MIN);
}

/** Of a share, `min` at the least: but whoever says 0% means none. */
function allowedOf(limit: { readonly share: number } | { readonly count: number }, keys: number, min: number): number {
  if ("count" in limit) return limit.count;
  return limit.share === 0 ? 0 : Math.max(min, Math.floor(keys * limit.share));
}

/** What the sides of a plan are called: `the folder`. */
export interface SideNames {
  /** The one that the plan would change. */
  readonly changed: string;
  readonly other: string;
}

/** In lower case, for people: `320 keys would be removed from the folder, and 80 are allowed (max_delete)`. */
export function renderTrip(trip: Trip, { changed, other }: SideNames): string {
  switch (trip.guard) {
    case "source-empty":
      return `${countedKeys(trip.removes)} would be removed from ${changed}, since ${other} has none of them`;
    case "max-delete": {
      const lately = trip.lately === undefined ? "" : ` after ${trip.lately} in the last ten minutes`;
      return `${countedKeys(trip.removes)} would be removed from ${changed}${lately}, and ${trip.allowed} are allowed (max_delete)`;
    }
    case "max-overwrite":
      return trip.overwrites === trip.agreed
        ? `all ${countedKeys(trip.agreed)} that both sides agreed on would be overwritten in ${changed} (max_overwrite)`
        : `${trip.overwrites} of ${countedKeys(trip.agreed)} that both sides agreed on would be overwritten in ${changed}, and ${trip.allowed} are allowed (max_overwrite)`;
  }
}

export function countedKeys(keys: number): string {
  return keys === 1 ? "1 key" : `${keys} keys`;
}
