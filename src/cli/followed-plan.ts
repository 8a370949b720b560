// A round of a saved plan that is followed: it must be about the place that it was made for, and is carried out once.

import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { canonicalJson, isJsonObject } from "../core/json.ts";
import type { Json } from "../core/json-value.ts";
import type { SavedActions } from "../engine/plan/follow-plan.ts";
import type { RoundResult } from "../engine/round-request.ts";
import { openAppliedPlans } from "../journal/applied-plans.ts";
import type { NamespacePlace } from "../mapping/place.ts";
import type { Journal } from "../journal/journal.ts";

export interface FollowedPlan {
  /** Digest of the plan's file. */
  readonly digest: string;
  /** Which of its rounds. */
  readonly round: number;
  /** Where the plan is to be applied: one place a namespace that it is about. */
  readonly places: Json;
  readonly actions: SavedActions;
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

/** Throws AppError "plan-outdated" if it was carried out already. */
export function checkUnapplied(journal: Journal, { digest, round }: FollowedPlan): void {
  const at = openAppliedPlans(journal).get(digest, round);
  if (at === undefined) return;
  throw new AppError("plan-outdated", `the plan was applied already, on ${new Date(at).toISOString()}`, {
    hint: "to see what differs now, type: kvsync plan",
  });
}

/** Notes that the plan was carried out, if it was, to the last key. */
export function noteApplied(
  { journal, clock }: { readonly journal: Journal; readonly clock: Clock },
  { digest, round }: FollowedPlan,
  { failed, held }: RoundResult,
): void {
  if (failed + held === 0) openAppliedPlans(journal).put(digest, round, clock.now());
}
