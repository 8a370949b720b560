// One round between two sides: observe, plan, guard, apply, commit. push, pull, copy and two-way sync are this over
// different replicas.

import type { ByteCount, Clock, DurationMs } from "../core/clock.ts";
import type { GuardLimits } from "../core/guards.ts";
import type { Key } from "../core/key.ts";
import type { Problem } from "../core/problem.ts";
import { isNews } from "../core/settle.ts";
import type { BaseStore, Spool, Trash } from "../journal/ports.ts";
import type { ListOptions, Replica } from "../replica/replica.ts";
import { applyPlan, type Done } from "./apply.ts";
import { type Decide, decideTriple, type Verdict } from "./decide.ts";
import { assumeRest, checkPlan, type Measure, measureTriple, openMeasure, type PlanTrip } from "./measure.ts";
import { mergeJoin, type Triple } from "./merge.ts";
import { observePage } from "./observe.ts";
import type { Observer } from "./observer.ts";
import { partialSides, type SeenValues } from "./partial.ts";
import { Plan, type Target } from "./plan.ts";
import { openRecall, type Recall } from "./recall.ts";
import { Unknowns } from "./unknowns.ts";

export interface RoundRequest {
  readonly clock: Clock;
  /** The side that is the truth; in two-way sync the local side. */
  readonly source: Replica;
  readonly destination: Replica;
  readonly base: BaseStore;
  readonly trash: Trash;
  readonly spool: Spool;
  readonly decide: Decide;
  /** Look at these keys alone, of which the source may have changed: it is asked for them by name, and the destination is
   * asked for those of them that the round may touch. Unless it is given, both sides are listed. */
  readonly only?: readonly Key[];
  readonly guards: GuardLimits;
  readonly settleWindowMs: DurationMs;
  /** Apply even what a guard would hold. */
  readonly force: boolean;
  /** Has the last word on a complete plan; unless it is given, the guards have. Not asked with `force` or in a dry run. */
  readonly mayApply?: (plan: Plan, seen: PlanSeen) => boolean;
  /** Read whatever the plan depends on while planning, rather than leave some of it to the transfer. */
  readonly exact?: boolean;
  /** Plan exactly, and apply nothing. */
  readonly dryRun: boolean;
  readonly signal?: AbortSignal;
  readonly events: RoundEvents;
}

/** What a plan is judged by, besides itself. */
export interface PlanSeen {
  readonly sourceKeys: number;
  readonly destinationKeys: number;
  /** Keys that are alike on both sides. */
  readonly unchanged: number;
  /** Writes to each side of keys that both had agreed on and that it is without. */
  readonly restored: Readonly<Record<Target, number>>;
  /** The guard it trips. */
  readonly trip: PlanTrip | undefined;
}

export interface RoundEvents {
  readonly onProblem: (problem: Problem) => void;
  /** The plan is complete, and passed its guards or was forced, or is a dry run. */
  readonly onPlan?: (plan: Plan) => void;
  readonly onDone?: (done: Done) => void;
  readonly onProgress?: (progress: Progress) => void;
}

/** Totals are undefined while they are not known. */
export interface Progress {
  readonly phase: "compare" | "transfer" | "remove";
  readonly keys: number;
  readonly keysTotal: number | undefined;
  readonly bytes: ByteCount;
  readonly bytesTotal: ByteCount | undefined;
}

export interface RoundResult {
  readonly written: number;
  readonly removed: number;
  readonly unchanged: number;
  /** Keys left as they are on purpose: foreign ones at the destination, expired ones, and others. */
  readonly skipped: number;
  /** Keys that both sides changed. */
  readonly conflicts: number;
  readonly failed: number;
  /** Keys whose listing lagged: nothing was concluded from it, and the next round looks again. */
  readonly lagging: number;
  readonly bytes: ByteCount;
  /** Set if a guard holds the plan: then nothing was applied. */
  readonly trip: PlanTrip | undefined;
  /** Writes and removals that are held, by a guard or by `mayApply`. */
  readonly held: number;
}

/** Throws AppError when a side fails as a whole; single keys that fail are problems and counted. */
export async function runRound(request: RoundRequest): Promise<RoundResult> {
  const tally = { written: 0, removed: 0, unchanged: 0, skipped: 0, conflicts: 0, failed: 0, lagging: 0, bytes: 0 };
  const startedAt = request.clock.now();
  const onProblem = (problem: Problem): void => {
    if (problem.failure) tally.failed++;
    request.events.onProblem(problem);
  };
  const plan = new Plan(request.spool);
  const seen: SeenValues = new Map();
  const recall = openRecall(request, startedAt);
  try {
    const measure = await fillPlan(plan, request, tally, { onProblem, seen, recall });
    const trip = request.force ? undefined : await checkPlan(plan, measure, request);
    const planned = plan.writes + plan.removes;
    if (!request.dryRun && !request.force && !mayApply(plan, measure, tally, trip, request))
      return { ...tally, trip, held: planned };
    request.events.onPlan?.(plan);
    const held = trip === undefined ? 0 : planned;
    if (request.dryRun) return { ...tally, written: plan.writes, removed: plan.removes, bytes: plan.bytes, trip, held };
    const onDone = tallyDone(tally, plan, request.events);
    const { twoWay } = request.decide;
    await applyPlan(plan, { ...request, signal: request.signal, twoWay, startedAt, seen, recall, onProblem, onDone });
    return { ...tally, trip: undefined, held: 0 };
  } finally {
    plan.clear();
  }
}

type Tally = { -readonly [K in keyof Omit<RoundResult, "trip" | "held">]: RoundResult[K] };

function mayApply(
  plan: Plan,
  { keys, restored }: Measure,
  { unchanged }: Tally,
  trip: PlanTrip | undefined,
  request: RoundRequest,
): boolean {
  if (request.mayApply === undefined) return trip === undefined;
  return request.mayApply(plan, {
    sourceKeys: keys.source,
    destinationKeys: keys.destination,
    unchanged,
    restored,
    trip,
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

interface PlanDeps {
  readonly onProblem: (problem: Problem) => void;
  readonly seen: SeenValues;
  readonly recall: Recall;
}

/** Lists both sides, merges them with the base, decides each key. Returns what the guards measure the plan by. */
async function fillPlan(
  plan: Plan,
  request: RoundRequest,
  tally: Tally,
  { recall, onProblem, seen }: PlanDeps,
): Promise<Measure> {
  const { clock, source, destination, events, signal } = request;
  const unknowns = new Unknowns();
  const listOptions: ListOptions = {
    onProblem,
    onUnknown: (unknown) => unknowns.add(unknown),
    ...(signal !== undefined && { signal }),
  };
  const observer: Observer = {
    clock,
    source,
    destination,
    exact: request.exact === true || request.dryRun || request.decide.twoWay,
    twoWay: request.decide.twoWay,
    settleWindowMs: request.settleWindowMs,
    inBackground: request.only === undefined,
    signal,
    onProblem,
    onLag: (keys) => (tally.lagging += keys),
    recall,
  };
  const measure = openMeasure();
  let keys = 0;
  const { only } = request;
  const sides =
    only === undefined
      ? { source: source.list(listOptions), destination: destination.list(listOptions), base: request.base.scan() }
      : await partialSides(only, request, { ...listOptions, seen, recall });
  for await (const page of mergeJoin(sides)) {
    signal?.throwIfAborted();
    const managed = page.filter((triple) => !unknowns.covers(triple.key));
    for (const triple of recall.settle(await observePage(managed, observer))) {
      const verdict = decideTriple(triple, request.decide);
      measureTriple(measure, triple, verdict.action);
      addVerdict(plan, tally, verdict);
      if (isGlimpse(triple, verdict, destination)) recall.glimpse(triple.destination!);
    }
    recall.keep();
    keys += page.length;
    events.onProgress?.({ phase: "compare", keys, keysTotal: undefined, bytes: 0, bytesTotal: undefined });
  }
  recall.close();
  if (only !== undefined) assumeRest(measure, request.base.count());
  return measure;
}

/** Whether the remote holds what nobody knows, and something is to become of it. */
function isGlimpse(triple: Triple, { action, count }: Verdict, { traits }: Replica): boolean {
  if (!traits.eventuallyConsistent || triple.destination?.fingerprint === undefined) return false;
  const isOpen = action?.kind === "write" || action?.kind === "remove" || count === "conflicts";
  return isOpen && isNews(triple.destination, triple);
}

function addVerdict(plan: Plan, tally: Tally, verdict: Verdict): void {
  if (verdict.count !== undefined) tally[verdict.count]++;
  if (verdict.action !== undefined) plan.add(verdict.action);
}
