// A round of a saved plan that is followed: it must be about the place that it was made for, and is carried out once.

import type { Clock, EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { canonicalJson, isJsonObject } from "../../core/json.ts";
import type { Json } from "../../core/json-value.ts";
import type { SavedActions } from "../../engine/plan/follow-plan.ts";
import type { RoundEvents } from "../../engine/round-request.ts";
import { openAppliedPlans } from "../../journal/applied-plans.ts";
import type { NamespacePlace } from "../../mapping/place.ts";
import type { Journal } from "../../journal/journal.ts";

export interface FollowedPlan {
  /** Digest of the plan's file. */
  readonly digest: string;
  /** Which of its rounds. */
  readonly round: number;
  /** Where the plan is to be applied: one place a namespace that it is about. */
  readonly places: Json;
  readonly actions: SavedActions;
  /** The command that carries it out. */
  readonly apply: string;
  /** Told when it was carried out already; it is left out then. */
  readonly onApplied: (at: EpochMs) => void;
}

/** `places` as a plan names them: null for a namespace that does not exist yet. */
export function plannedPlaces(places: readonly NamespacePlace[]): Json {
  return places.map(plannedPlace);
}

function plannedPlace({
  namespace = null,
  ...place
}: { readonly [name in keyof NamespacePlace]: string | null | undefined }): Json {
  return { ...place, namespace } as Json;
}

/** Whether a plan for `places` is for a namespace that did not exist yet; for any other one it creates none. */
export function isToCreate(places: Json | undefined): boolean {
  return Array.isArray(places) && places.some((place: Json) => isJsonObject(place) && place["namespace"] === null);
}

/** Throws AppError "plan-outdated" if the plan was made for another place. A namespace that did not exist then may be any of its
 * name: the plan says of each key that it was not there. */
export function checkPlaces(plan: FollowedPlan, places: readonly NamespacePlace[]): void {
  const planned = Array.isArray(plan.places) ? (plan.places as readonly Json[]) : [];
  const isSame = (place: NamespacePlace, index: number): boolean => {
    const was = planned[index];
    if (!isJsonObject(was)) return false;
    const namespace = was["namespace"] === null ? null : place.namespace;
    return canonicalJson(was) === canonicalJson(plannedPlace({ ...place, namespace }));
  };
  if (planned.length === places.length && places.every(isSame)) return;
  throw new AppError("plan-outdated", "the plan was made for another namespace than this one", {
    hint: `the plan: ${canonicalJson(plan.places)}; here: ${canonicalJson(plannedPlaces(places))}. Make the plan again: kvsync plan --out FILE`,
  });
}

/** Whether it was carried out already; its caller is told so. */
export function isApplied(journal: Journal, { digest, round, onApplied }: FollowedPlan): boolean {
  const at = openAppliedPlans(journal).get(digest, round);
  if (at !== undefined) onApplied(at);
  return at !== undefined;
}

/** What became of the actions of a plan. */
export interface Following {
  readonly events: RoundEvents;
  /** Notes that the plan was carried out, if it was, to the last key. What failed of other keys does not matter. */
  noteApplied(deps: { readonly journal: Journal; readonly clock: Clock }): void;
}

/** Counts in `events` what is done of what is due. */
export function followEvents({ digest, round }: FollowedPlan, events: RoundEvents): Following {
  let due: number | undefined;
  let done = 0;
  return {
    events: {
      ...events,
      onPlan: async (plan, sides) => {
        // A later pass is about some of the same keys.
        due ??= plan.writes + plan.removes;
        await events.onPlan?.(plan, sides);
      },
      onDone: (item) => {
        done++;
        events.onDone?.(item);
      },
    },
    noteApplied({ journal, clock }) {
      if (due !== undefined && done >= due) openAppliedPlans(journal).put(digest, round, clock.now());
    },
  };
}
