// One round between two sides: observe, plan, guard, apply, commit. push, pull, copy and two-way sync are this over
// different replicas. In two-way sync what was sent and not confirmed is looked at and decided once more, as often as that
// helps: the same pass, about those keys alone.

import { backoffMs, type BackoffOptions } from "../core/backoff.ts";
import type { DurationMs } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import { failedKeys, type Problem } from "../core/problem.ts";
import { applyPlan } from "./apply/apply-plan.ts";
import { fillPlan } from "./fill-plan.ts";
import type { SeenValues } from "./partial.ts";
import { type Course, onlyOf, type Pass, type Tally } from "./pass.ts";
import type { Done } from "./plan/action.ts";
import { checkPlan, type Measure, type PlanTrip } from "./plan/measure.ts";
import { Plan } from "./plan/plan.ts";
import { asksWhoWrote } from "./plan/verdict.ts";
import { remoteSide } from "./remote-side.ts";
import { type SeenOutcomes, withSeen } from "../replica/with-seen.ts";
import { openRemoteMemory } from "./lag/remote-memory.ts";
import type { RoundEvents, RoundRequest, RoundResult } from "./round-request.ts";
import { LOOKUPS_IN_VAIN_MAX, type Unsure, UNSURE_MAX, type UnsureKeys } from "./unsure.ts";

/** Throws AppError when a side fails as a whole; single keys that fail are problems and counted. */
export async function runRound(request: RoundRequest): Promise<RoundResult> {
  const tally: Tally = {
    written: 0,
    removed: 0,
    unchanged: 0,
    skipped: 0,
    removesLater: 0,
    removesLaterAt: undefined,
    conflicts: 0,
    failed: 0,
    unknown: 0,
    outdated: 0,
    unsettled: 0,
    lagging: 0,
    unseen: 0,
    bytes: 0,
  };
  const onProblem = (problem: Problem): void => {
    tally.failed += failedKeys(problem);
    request.events.onProblem(problem);
  };
  const unsure = new Map<Key, Unsure>();
  if (!request.dryRun) request.base.redate(request.clock.now());
  const first = await runPass(request, { tally, onProblem, unsure, again: undefined, withinMs: DECISION_MS_MAX });
  await decideAnew(request, { tally, onProblem, unsure });
  return { ...tally, ...first };
}

/** A change that has waited longer for the request budget is decided anew: somebody may have written the key meanwhile. */
const DECISION_MS_MAX: DurationMs = 5000;
const LOOKUP_BACKOFF: BackoffOptions = { baseMs: 250, capMs: 10_000 };

/** Looks what has become of what is unsure, and decides it anew, until nothing is or it does not help. */
async function decideAnew(request: RoundRequest, course: Course): Promise<void> {
  const { clock, signal } = request;
  const { unsure, onProblem } = course;
  let inVain = 0;
  let isHeld = false;
  while (unsure.size > 0 && inVain < LOOKUPS_IN_VAIN_MAX && !isHeld) {
    await clock.sleep(backoffMs(inVain, LOOKUP_BACKOFF, clock.random()), signal);
    const again = new Map(unsure);
    unsure.clear();
    // Where the budget is short for long, something has to be sent at last.
    const { held } = await runPass(request, { ...course, again, withinMs: DECISION_MS_MAX * 2 ** inVain });
    isHeld = held > 0;
    if (isHeld) for (const [key, one] of again) unsure.set(key, one);
    inVain = [...again.keys()].some((key) => !unsure.has(key)) ? 0 : inVain + 1;
  }
  for (const { problem } of unsure.values()) onProblem(problem);
}

/** Observes, plans and applies once. */
async function runPass(asked: RoundRequest, pass: Pass): Promise<Pick<RoundResult, "trip" | "held">> {
  const { tally, unsure, again } = pass;
  const answers: SeenOutcomes = new Map();
  const request = asked.isRemoteChanged === true ? withAnswers(asked, answers) : asked;
  const startedAt = request.clock.now();
  const plan = new Plan(request.spool, request.planMemoryActions);
  const seen: SeenValues = new Map();
  const memory = openRemoteMemory(request, startedAt);
  // What a listing tells of other keys was told by the first pass.
  const onProblem = (problem: Problem): void => {
    if (again === undefined || again.has(problem.subject as Key)) pass.onProblem(problem);
  };
  const onUnsure = (one: Unsure): void => {
    if (unsure.size < UNSURE_MAX) unsure.set(one.done.key, one);
    else onProblem(one.problem);
  };
  const onDone = tallyDone(tally, plan, request.events);
  try {
    const measure = await fillPlan(plan, request, { ...pass, onProblem, seen, memory, answers, onDone });
    const isRepeat = again !== undefined;
    const isLetPass = request.force || (isRepeat && isWithin(plan, again));
    const trip = isLetPass ? undefined : await checkPlan(plan, measure, request);
    const planned = plan.writes + plan.removes;
    // No guard holds it: it is done by no word of a person.
    if (tally.outdated > 0) return { trip: undefined, held: 0 };
    const isHeld = !request.force && !mayApply(plan, measure, { tally, trip, isRepeat }, request);
    if (isHeld && !request.dryRun) return { trip, held: planned };
    await request.events.onPlan?.(plan, request);
    if (request.dryRun) {
      Object.assign(tally, { written: plan.writes, removed: plan.removes, bytes: plan.bytes });
      return { trip, held: isHeld ? planned : 0 };
    }
    const { twoWay } = request.decide;
    const isOnce = twoWay && request.source.lookup !== undefined && request.destination.fetch !== undefined;
    await applyPlan(plan, {
      ...request,
      signal: request.signal,
      twoWay,
      asksWhoWrote: asksWhoWrote(request.decide),
      startedAt,
      seen,
      memory,
      // A look at some keys has read what it is about to change.
      readsLosses: request.trustStamps !== true && onlyOf(request, again) === undefined,
      onProblem,
      onDone,
      once: isOnce ? { withinMs: pass.withinMs, onUnsure } : undefined,
    });
    return { trip: undefined, held: 0 };
  } finally {
    plan.clear();
  }
}

/** The remote is not asked again for what it has said in this pass. */
function withAnswers(request: RoundRequest, answers: SeenOutcomes): RoundRequest {
  const side = remoteSide(request);
  return side === undefined ? request : { ...request, [side]: withSeen(request[side], answers) };
}

function mayApply(
  plan: Plan,
  { keys, restored, overwrites, lagging, known, lastingRemoves }: Measure,
  { tally, trip, isRepeat }: { readonly tally: Tally; readonly trip: PlanTrip | undefined; readonly isRepeat: boolean },
  request: RoundRequest,
): boolean {
  if (request.mayApply === undefined) return trip === undefined;
  return request.mayApply(plan, {
    sourceKeys: keys.source,
    destinationKeys: keys.destination,
    unchanged: tally.unchanged + lagging,
    unseen: tally.unseen,
    removesLater: tally.removesLater,
    restored,
    known,
    lastingRemoves,
    overwrites: overwrites.source + overwrites.destination,
    trip,
    isRepeat,
  });
}

function tallyDone(tally: Tally, plan: Plan, events: RoundEvents): (done: Done) => void {
  return (done) => {
    tally[done.kind]++;
    tally.bytes += done.bytes;
    events.onDone?.(done);
    events.onProgress?.({
      phase: done.kind === "removed" ? "remove" : "transfer",
      keys: tally.written + tally.removed,
      keysTotal: plan.writes + plan.removes,
      bytes: tally.bytes,
      bytesTotal: plan.bytes,
    });
  };
}

/** Whether a plan removes no more than what was let pass before. */
function isWithin({ counts }: Plan, again: UnsureKeys): boolean {
  const allowed = { source: 0, destination: 0 };
  for (const { done } of again.values()) if (done.kind === "removed") allowed[done.to]++;
  return counts["remove:source"] <= allowed.source && counts["remove:destination"] <= allowed.destination;
}
