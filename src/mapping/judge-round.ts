// The last word on the plan of one round of a mapping: it may be applied, is held for a person, or cannot be judged from what
// the round has looked at.

import type { MappingConfig } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { Plan } from "../engine/plan/plan.ts";
import type { PlanSeen } from "../engine/round-request.ts";
import type { Hold } from "../journal/holds.ts";
import {
  type Circumstances,
  decodeHoldReason,
  encodeHoldReason,
  type HeldFor,
  type HoldReason,
  judgePlan,
  type Planned,
  renderHoldReason,
} from "./hold-reason.ts";
import { keepPlan } from "./held-plan.ts";
import type { MappingMemory } from "./mapping-memory.ts";
import { planIdOf } from "./plan-id.ts";

export interface JudgeDeps {
  readonly clock: Clock;
  readonly mapping: MappingConfig;
  /** What names both sides for good. */
  readonly place: string;
  readonly memory: MappingMemory;
  readonly circumstances: Circumstances;
  /** The hold that the round began with. */
  readonly heldBefore: Hold | undefined;
  /** Whether the folder is another one by now than the one that was looked at. */
  readonly isReplaced: () => boolean;
  readonly isDryRun: boolean;
  /** Only some keys were looked at. */
  readonly isPartial: boolean;
  /** What the plan depends on was read. */
  readonly isExact: boolean;
  /** The plan was kept before, and is followed. */
  readonly isFollowed: boolean;
}

interface Judgement {
  /** Applied nothing, and is to be held. */
  readonly hold?: Hold;
  /** Why a dry run would be held; or why a plan that is followed is not. */
  readonly foretold?: HoldReason;
  /** The folder was replaced while it was looked at; nothing was applied. */
  readonly isReplaced?: boolean;
  /** Only a look at all keys can judge this; nothing was applied. */
  readonly needsFullRound?: boolean;
  /** Applied, since a person let this very plan pass. */
  readonly isApproved?: boolean;
  /** What is to be held depends on values that were not read; nothing was applied. */
  readonly needsExact?: boolean;
}

export interface RoundJudge {
  readonly mayApply: (plan: Plan, seen: PlanSeen) => boolean;
  /** Of the last plan that was judged. */
  judgement(): Judgement;
}

export function openRoundJudge(deps: JudgeDeps): RoundJudge {
  let judgement: Judgement = {};
  return {
    mayApply: (plan, seen) => {
      const found = judge(plan, seen, deps);
      const isApproved = judgement.isApproved === true || (found !== "apply" && found.isApproved === true);
      judgement = { ...(found !== "apply" && found), ...(isApproved && { isApproved }) };
      return found === "apply" || found.isApproved === true;
    },
    judgement: () => judgement,
  };
}

function judge(plan: Plan, seen: PlanSeen, deps: JudgeDeps): Judgement | "apply" {
  const { mapping, circumstances, isDryRun } = deps;
  if (deps.isReplaced()) return { isReplaced: true };
  // What was let pass before is carried on with.
  if (seen.isRepeat) return seen.trip === undefined ? "apply" : {};
  const reason = judgePlan(plannedOf(plan, seen, circumstances), seen, circumstances, {
    mode: mapping.mode,
    rootSwaps: mapping.rootSwaps,
    heldFor: heldFor(deps),
  });
  if (reason === undefined) return "apply";
  if (deps.isFollowed) return { foretold: reason };
  if (deps.isPartial) return { needsFullRound: true };
  if (!deps.isExact && !isDryRun && mapping.mode !== "two-way") return { needsExact: true };
  const id = planIdOf(plan, deps.place);
  if (isDryRun) return isApproved(deps.heldBefore, id) ? "apply" : { foretold: reason };
  return hold(plan, id, reason, deps);
}

function hold(
  plan: Plan,
  id: string,
  reason: HeldFor,
  { clock, mapping: { name, mode }, memory, heldBefore }: JudgeDeps,
): Judgement {
  const { writes, removes } = plan;
  // As it stands now: it may have been approved since the round began.
  if (isApproved(memory.holds.get(name), id)) {
    memory.tell("approved", `plan ${id}: ${renderHoldReason(reason)}`);
    return { isApproved: true };
  }
  if (heldBefore?.plan !== id) memory.tell("held", `plan ${id}: ${renderHoldReason(reason)}`);
  keepPlan(memory.holds, name, id, plan, mode);
  const since = memory.holds.get(name)?.since ?? clock.now();
  return {
    hold: { mapping: name, plan: id, reason: encodeHoldReason(reason), writes, removes, since, approved: false },
  };
}

function heldFor({ heldBefore }: JudgeDeps): HeldFor | undefined {
  return heldBefore && decodeHoldReason(heldBefore.reason);
}

function isApproved(held: Hold | undefined, plan: string): boolean {
  return held?.approved === true && held.plan === plan;
}

function plannedOf(plan: Plan, { removesLater }: PlanSeen, { rootChanged }: Circumstances): Planned {
  const removes = plan.removes + removesLater;
  // Replacements are counted only where it matters: it goes through the whole plan.
  return { writes: plan.writes, removes, replaces: rootChanged ? countReplaces(plan) : 0 };
}

function countReplaces(plan: Plan): number {
  let replaces = 0;
  for (const list of ["write:source", "write:destination"] as const) {
    for (const page of plan.pages(list)) replaces += page.filter((action) => action.replaces !== undefined).length;
  }
  return replaces;
}
