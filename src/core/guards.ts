// Guards: they judge a whole plan before its first action runs. All or nothing: a plan that trips one is held, and none
// of it is done until a person says so.

export interface GuardLimits {
  /** Deletions allowed on a side: this share of the keys there, but always {@link DELETES_ALLOWED_MIN}. Or a plain count. */
  readonly maxDelete: { readonly share: number } | { readonly count: number };
  /** Keys that both sides had agreed on and that may be overwritten on a side: this share of them, but always
   * {@link OVERWRITES_ALLOWED_MIN}; or a plain count; or, "not-all", all but one. */
  readonly maxOverwrite: { readonly share: number } | { readonly count: number } | "not-all";
}

/** Deletions that are always allowed where the limit is a share: a small namespace would trip on every second one. */
const DELETES_ALLOWED_MIN = 10;
/** Of fewer keys it is no news that all of them changed. */
const OVERWRITES_ALLOWED_MIN = 9;

/** What a plan does to the destination. */
export interface PlanCounts {
  readonly sourceKeys: number;
  readonly destinationKeys: number;
  readonly removes: number;
  readonly writes: number;
  /** Writes that replace the value of a key that both sides had agreed on. */
  readonly overwrites: number;
  /** Keys that both sides had agreed on and still have. */
  readonly agreed: number;
}

export type Trip =
  | { readonly guard: "source-empty"; readonly removes: number }
  | { readonly guard: "max-delete"; readonly removes: number; readonly allowed: number }
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
  if (counts.removes === 0) return undefined;
  const isEmptied = counts.writes === 0 && counts.removes >= counts.destinationKeys;
  if (counts.sourceKeys === 0 || isEmptied) return { guard: "source-empty", removes: counts.removes };
  const allowed =
    "count" in maxDelete
      ? maxDelete.count
      : Math.max(DELETES_ALLOWED_MIN, Math.floor(counts.destinationKeys * maxDelete.share));
  return counts.removes > allowed ? { guard: "max-delete", removes: counts.removes, allowed } : undefined;
}

function checkOverwrites({ overwrites, agreed }: PlanCounts, { maxOverwrite }: GuardLimits): Trip | undefined {
  const allowed = overwritesAllowed(agreed, maxOverwrite);
  return overwrites > allowed ? { guard: "max-overwrite", overwrites, agreed, allowed } : undefined;
}

function overwritesAllowed(agreed: number, limit: GuardLimits["maxOverwrite"]): number {
  if (limit === "not-all") return Math.max(OVERWRITES_ALLOWED_MIN, agreed - 1);
  return "count" in limit ? limit.count : Math.max(OVERWRITES_ALLOWED_MIN, Math.floor(agreed * limit.share));
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
    case "max-delete":
      return `${countedKeys(trip.removes)} would be removed from ${changed}, and ${trip.allowed} are allowed (max_delete)`;
    case "max-overwrite":
      return trip.overwrites === trip.agreed
        ? `all ${countedKeys(trip.agreed)} that both sides agreed on would be overwritten in ${changed} (max_overwrite)`
        : `${trip.overwrites} of ${countedKeys(trip.agreed)} that both sides agreed on would be overwritten in ${changed}, and ${trip.allowed} are allowed (max_overwrite)`;
  }
}

export function countedKeys(keys: number): string {
  return keys === 1 ? "1 key" : `${keys} keys`;
}
