// Guards: they judge a whole plan before its first action runs. All or nothing: a plan that trips one is held, and none
// of it is done until a person says so.

export interface GuardLimits {
  /** Deletions allowed on a side: this share of the keys there, but always `deletesMin`. Or a plain count. */
  readonly maxDelete: { readonly share: number } | { readonly count: number };
}

/** Deletions that are always allowed where the limit is a share: a small namespace would trip on every second one. */
const DELETES_ALLOWED_MIN = 10;

export interface PlanCounts {
  readonly sourceKeys: number;
  readonly destinationKeys: number;
  readonly removes: number;
  readonly writes: number;
}

export type Trip =
  | { readonly guard: "source-empty"; readonly removes: number }
  | { readonly guard: "max-delete"; readonly removes: number; readonly allowed: number };

/** The guard that `counts` trip, or undefined. */
export function checkGuards(counts: PlanCounts, limits: GuardLimits): Trip | undefined {
  if (counts.removes === 0) return undefined;
  const isEmptied = counts.writes === 0 && counts.removes >= counts.destinationKeys;
  if (counts.sourceKeys === 0 || isEmptied) return { guard: "source-empty", removes: counts.removes };
  const allowed =
    "count" in limits.maxDelete
      ? limits.maxDelete.count
      : Math.max(DELETES_ALLOWED_MIN, Math.floor(counts.destinationKeys * limits.maxDelete.share));
  return counts.removes > allowed ? { guard: "max-delete", removes: counts.removes, allowed } : undefined;
}
