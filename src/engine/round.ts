// One round between two sides: observe, plan, guard, apply, commit. push, pull, copy and two-way sync are this over
// different replicas. In two-way sync what was sent and not confirmed is looked at and decided once more, as often as that
// helps: the same pass, about those keys alone.

import { backoffMs, type BackoffOptions } from "../core/backoff.ts";
import type { ByteCount, Clock, DurationMs } from "../core/clock.ts";
import type { GuardLimits } from "../core/guards.ts";
import type { Key } from "../core/key.ts";
import type { Problem } from "../core/problem.ts";
import { isNews } from "../core/settle.ts";
import type { BaseStore, Spool, Trash } from "./ports.ts";
import type { ListOptions, Replica } from "../replica/replica.ts";
import { applyPlan } from "./apply.ts";
import { type Done } from "./plan/action.ts";
import { type Decide, decideTriple, type Verdict } from "./plan/decide.ts";
import { assumeRest, checkPlan, type Measure, measureTriple, openMeasure, type PlanTrip } from "./plan/measure.ts";
import { mergeJoin, type Triple } from "./merge.ts";
import { observePage } from "./observe.ts";
import type { Observer } from "./observer.ts";
import { partialSides, type SeenValues } from "./partial.ts";
import { Plan } from "./plan/plan.ts";
import { type Target } from "./plan/action.ts";
import { openRecall, type Recall } from "./recall.ts";
import { incomparable, Unknowns } from "./unknowns.ts";
import { isRemoved, LOOKED_UP_MAX, LOOKS_IN_VAIN_MAX, type Unsure, UNSURE_MAX, type UnsureKeys } from "./unsure.ts";

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
  /** Believe what a stamp says of a value that is to be replaced or removed. Unless it is set, the value is read first. */
  readonly trustStamps?: boolean;
  /** Apply even what a guard would hold. */
  readonly force: boolean;
  /** Has the last word on a complete plan, which in a dry run is what would become of it; unless it is given, the guards have.
   * Not asked with `force`. */
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
  /** It is about keys that a plan of this round was about already, whose writes and removals were not confirmed. */
  readonly isRepeat: boolean;
}

export interface RoundEvents {
  readonly onProblem: (problem: Problem) => void;
  /** The plan is complete, and passed its guards or was forced, or is a dry run. */
  readonly onPlan?: (plan: Plan, sides: Readonly<Record<Target, Replica>>) => void | Promise<void>;
  /** Both sides changed this key, and it is left as it is on both, for a person to decide. */
  readonly onWaiting?: (key: Key) => void;
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
  /** Of the failed: keys that one side has, and of which the other cannot tell what it holds. */
  readonly unknown: number;
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
  const tally = {
    written: 0,
    removed: 0,
    unchanged: 0,
    skipped: 0,
    conflicts: 0,
    failed: 0,
    unknown: 0,
    lagging: 0,
    bytes: 0,
  };
  const onProblem = (problem: Problem): void => {
    if (problem.failure) tally.failed++;
    request.events.onProblem(problem);
  };
  const unsure = new Map<Key, Unsure>();
  if (!request.dryRun) request.base.redate(request.clock.now());
  const first = await runPass(request, { tally, onProblem, unsure, again: undefined, withinMs: DECISION_MS_MAX });
  await lookAgain(request, { tally, onProblem, unsure });
  return { ...tally, ...first };
}

/** What the passes of a round share. */
interface Course {
  readonly tally: Tally;
  readonly onProblem: (problem: Problem) => void;
  /** What was not confirmed, and is to be looked at again. */
  readonly unsure: Map<Key, Unsure>;
}

interface Pass extends Course {
  /** The pass is about these keys alone, each of which is looked at on both sides. */
  readonly again: UnsureKeys | undefined;
  /** How old a decision may be when it is carried out. */
  readonly withinMs: DurationMs;
}

/** A change that has waited longer for the request budget is decided anew: somebody may have written the key meanwhile. */
const DECISION_MS_MAX: DurationMs = 5000;
const LOOK_BACKOFF: BackoffOptions = { baseMs: 250, capMs: 10_000 };

/** Looks what has become of what is unsure, and decides it anew, until nothing is or it does not help. */
async function lookAgain(request: RoundRequest, course: Course): Promise<void> {
  const { clock, signal } = request;
  const { unsure, onProblem } = course;
  let inVain = 0;
  let isHeld = false;
  while (unsure.size > 0 && inVain < LOOKS_IN_VAIN_MAX && !isHeld) {
    await clock.sleep(backoffMs(inVain, LOOK_BACKOFF, clock.random()), signal);
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
async function runPass(request: RoundRequest, pass: Pass): Promise<Pick<RoundResult, "trip" | "held">> {
  const { tally, unsure, again } = pass;
  const startedAt = request.clock.now();
  const plan = new Plan(request.spool);
  const seen: SeenValues = new Map();
  const recall = openRecall(request, startedAt);
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
    const measure = await fillPlan(plan, request, { ...pass, onProblem, seen, recall, onDone });
    const isRepeat = again !== undefined;
    const isLetPass = request.force || (isRepeat && isWithin(plan, again));
    const trip = isLetPass ? undefined : await checkPlan(plan, measure, request);
    const planned = plan.writes + plan.removes;
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
      startedAt,
      seen,
      recall,
      // A look at some keys has read what it is about to change.
      looks: request.trustStamps !== true && onlyOf(request, again) === undefined,
      onProblem,
      onDone,
      once: isOnce ? { withinMs: pass.withinMs, onUnsure } : undefined,
    });
    return { trip: undefined, held: 0 };
  } finally {
    plan.clear();
  }
}

type Tally = { -readonly [K in keyof Omit<RoundResult, "trip" | "held">]: RoundResult[K] };

function mayApply(
  plan: Plan,
  { keys, restored }: Measure,
  { tally, trip, isRepeat }: { readonly tally: Tally; readonly trip: PlanTrip | undefined; readonly isRepeat: boolean },
  request: RoundRequest,
): boolean {
  if (request.mayApply === undefined) return trip === undefined;
  return request.mayApply(plan, {
    sourceKeys: keys.source,
    destinationKeys: keys.destination,
    unchanged: tally.unchanged,
    restored,
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

interface PlanDeps extends Pass {
  readonly seen: SeenValues;
  readonly recall: Recall;
  readonly onDone: (done: Done) => void;
}

/** Lists both sides, merges them with the base, decides each key. Returns what the guards measure the plan by. */
async function fillPlan(
  plan: Plan,
  request: RoundRequest,
  { tally, again, recall, onProblem, seen, onDone }: PlanDeps,
): Promise<Measure> {
  const { clock, source, destination, events, signal } = request;
  const unknowns = new Unknowns();
  const only = onlyOf(request, again);
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
    inBackground: only === undefined,
    signal,
    onProblem,
    onLag: (keys) => (tally.lagging += keys),
    recall,
  };
  const measure = openMeasure();
  const removed: Key[] = [];
  let keys = 0;
  const sides =
    only === undefined
      ? { source: source.list(listOptions), destination: destination.list(listOptions), base: request.base.scan() }
      : await partialSides(only, request, {
          ...listOptions,
          seen,
          recall,
          settle: { now: clock.now(), windowMs: request.settleWindowMs },
          looksAtAll: again !== undefined,
        });
  for await (const page of mergeJoin(sides)) {
    signal?.throwIfAborted();
    const managed = page.flatMap((triple) => {
      if (again?.has(triple.key) === false) return [];
      const unknown = unknowns.find(triple.key);
      if (unknown !== undefined) {
        const isHeld = triple.source !== undefined || triple.destination !== undefined;
        const problem = isHeld ? incomparable(triple.key, unknown) : undefined;
        if (problem === undefined) return [];
        tally.unknown++;
        onProblem(problem);
        return [];
      }
      if (again === undefined || !isRemoved(triple, again)) return [triple];
      removed.push(triple.key);
      return [{ ...triple, base: undefined }];
    });
    for (const triple of recall.settle(await observePage(managed, observer))) {
      const verdict = decideTriple(triple, request.decide);
      measureTriple(measure, triple, verdict.action);
      const unsure = again?.get(triple.key);
      if (unsure !== undefined && isAlike(verdict)) onDone(unsure.done);
      // The pass before may have counted the conflict.
      else if (verdict.count !== undefined && !(verdict.count === "conflicts" && unsure?.isConflict === true)) {
        tally[verdict.count]++;
        if (verdict.count === "conflicts" && verdict.action === undefined) events.onWaiting?.(triple.key);
      }
      if (verdict.action !== undefined) plan.add(verdict.action);
      if (isGlimpse(triple, verdict, destination)) recall.glimpse(triple.destination!);
    }
    recall.keep();
    keys += page.length;
    events.onProgress?.({ phase: "compare", keys, keysTotal: undefined, bytes: 0, bytesTotal: undefined });
  }
  recall.close();
  if (removed.length > 0) request.base.commit({ record: [], forget: removed, now: clock.now(), overwrites: true });
  if (only !== undefined || again !== undefined) assumeRest(measure, request.base.count());
  return measure;
}

/** The keys that a pass looks up by name; undefined: it lists both sides. */
function onlyOf({ only }: RoundRequest, again: UnsureKeys | undefined): readonly Key[] | undefined {
  return again === undefined || again.size > LOOKED_UP_MAX ? only : [...again.keys()];
}

/** Whether the remote holds what nobody knows, and something is to become of it. */
function isGlimpse(triple: Triple, { action, count }: Verdict, { traits }: Replica): boolean {
  if (!traits.eventuallyConsistent || triple.destination?.fingerprint === undefined) return false;
  const isOpen = action?.kind === "write" || action?.kind === "remove" || count === "conflicts";
  return isOpen && isNews(triple.destination, triple);
}

/** Both sides hold the same, or nothing. */
function isAlike({ action, count }: Verdict): boolean {
  if (action !== undefined) return action.kind === "record" || action.kind === "forget";
  return count === undefined || count === "unchanged";
}

/** Whether a plan removes no more than what was let pass before. */
function isWithin({ counts }: Plan, again: UnsureKeys): boolean {
  const allowed = { source: 0, destination: 0 };
  for (const { done } of again.values()) if (done.kind === "removed") allowed[done.to]++;
  return counts["remove:source"] <= allowed.source && counts["remove:destination"] <= allowed.destination;
}
