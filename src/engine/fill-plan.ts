// The first half of a pass: lists both sides, merges them with the base, and decides each key.

import { AppError, visible } from "../core/errors.ts";
import type { Key } from "../core/key.ts";
import { notice, problem } from "../core/problem.ts";
import { isNews } from "../core/settle.ts";
import { settleAbsences } from "./absences.ts";
import type { ListOptions, ReadableReplica } from "../replica/replica.ts";
import type { SeenOutcomes } from "../replica/with-seen.ts";
import { mergeJoin, type MergeInput, type Triple } from "./merge.ts";
import { identifyPage, observePage } from "./observe.ts";
import type { Observer } from "./observer.ts";
import { partialSides, type SeenValues } from "./partial.ts";
import { pulledSides } from "./partial-remote.ts";
import { remoteSide } from "./remote-side.ts";
import { onlyOf, type Pass } from "./pass.ts";
import type { Action, Done } from "./plan/action.ts";
import { decideTriple, type Verdict } from "./plan/verdict.ts";
import { followAction, openFollower, type SavedAction } from "./plan/follow-plan.ts";
import { assumeRest, type Measure, measureTriple, openMeasure } from "./plan/measure.ts";
import type { Plan } from "./plan/plan.ts";
import type { RemoteMemory } from "./lag/remote-memory.ts";
import { openRemoveLater } from "./remove-later.ts";
import type { RoundRequest } from "./round-request.ts";
import { incomparable, Unknowns } from "./unknowns.ts";
import { isRemoved } from "./unsure.ts";

export interface PlanDeps extends Pass {
  readonly seen: SeenValues;
  readonly memory: RemoteMemory;
  /** What the remote has said of the keys that it is asked for by name. */
  readonly answers: SeenOutcomes;
  readonly onDone: (done: Done) => void;
}

/** Lists both sides, merges them with the base, decides each key. Returns what the guards measure the plan by. */
export async function fillPlan(plan: Plan, request: RoundRequest, deps: PlanDeps): Promise<Measure> {
  const { clock, events, signal } = request;
  const { again, memory, tally } = deps;
  const unknowns = new Unknowns();
  const only = onlyOf(request, again);
  const observer = observerOf(request, deps);
  const measure = openMeasure();
  const startedAt = clock.now();
  const removed: Key[] = [];
  // What is unsure is decided anew, whatever plan it comes of.
  const follower = request.follow === undefined || again !== undefined ? undefined : openFollower(request.follow);
  const { removeLater } = request;
  const isWhole = only === undefined && again === undefined;
  // What is in a plan that is followed was due when that was made.
  const later =
    removeLater === undefined || follower !== undefined
      ? undefined
      : openRemoveLater({ ...request, removeLater }, isWhole, (dueAt) => {
          if (tally.removesLaterAt === undefined || dueAt < tally.removesLaterAt) tally.removesLaterAt = dueAt;
        });
  const isUnknown = (key: Key): boolean => unknowns.find(key) !== undefined;
  const fixed = new Set<Key>();
  const met = new Set<Key>();
  let keys = 0;

  /** Decides `triples`, of which `saved` are in the plan that is followed. Returns how many could be decided. */
  const decide = async (triples: readonly Triple[], saved: Map<Key, SavedAction> | undefined): Promise<number> => {
    const wants = wantedOf(request, saved);
    const known = wants === undefined ? triples : await identifyPage(triples, wants, observer);
    for (const triple of known) {
      const decided = verdictOf(triple, saved, request, deps);
      const due = later?.delay(triple, decided) ?? decided;
      const verdict = refuseFixed(due, triple.key, fixed, { request, deps });
      measureTriple(measure, triple, verdict.action, startedAt);
      if (triple.lags !== undefined && again === undefined) events.onLagging?.(triple.key, triple.lags);
      if (triple.lags !== undefined && verdict.count === "unchanged") measure.lagging++;
      countVerdict(triple, verdict, request, deps);
      if (verdict.action !== undefined) plan.add(verdict.action);
      if (verdict === due && isNoConflict(triple, verdict, request)) events.onLooked?.(triple.key, true);
      if (isWhole && isPresent(triple, verdict.action)) events.onKey?.(triple.key);
      if (isUnsettled(triple, verdict, request.destination)) memory.rememberUnsettled(triple.destination!);
    }
    return known.length;
  };
  try {
    for await (const merged of mergeJoin(
      await sidesOf(only, listOptionsOf(unknowns, fixed, request, deps), request, deps),
    )) {
      signal?.throwIfAborted();
      const page = await settleAbsences(merged, request, {
        ...listOptionsOf(unknowns, fixed, request, deps),
        isUnknown,
      });
      if (events.onLooked !== undefined) for (const { key } of page) events.onLooked(key, false);
      if (only !== undefined) for (const { key } of page) met.add(key);
      const saved = await follower?.upTo(page.at(-1)?.key);
      const triples = selectTriples(page, { unknowns, removed, ...deps });
      const decided = await decide(memory.settle(await observePage(triples, observer)), saved);
      if (again === undefined) tally.unseen += page.length - decided;
      if (saved !== undefined) await decide(absentTriples(saved, page, unknowns, request, deps), saved);
      later?.passed(page, isUnknown);
      for (const { key } of page) fixed.delete(key);
      memory.keep();
      memory.passed(page);
      keys += page.length;
      events.onProgress?.({ phase: "compare", keys, keysTotal: undefined, bytes: 0, bytesTotal: undefined });
    }
    if (isWhole) later?.passed([], isUnknown);
    // Actions of keys behind the last one that a side has.
    const rest = await follower?.upTo(undefined);
    if (rest !== undefined) await decide(absentTriples(rest, [], unknowns, request, deps), rest);
  } finally {
    await follower?.close();
  }
  memory.close();
  // Of a key that was asked for, that one side cannot tell of, and that the other and the base know nothing of, there is no triple.
  const untold = [...new Set(only)].filter((key) => !met.has(key) && isUnknown(key)).length;
  if (again === undefined) tally.unseen += untold + tally.lagging;
  if (removed.length > 0) request.base.commit({ record: [], forget: removed, now: clock.now(), overwrites: true });
  if (only !== undefined || again !== undefined) assumeRest(measure, request.base.count());
  return measure;
}

function isPresent({ source, destination }: Triple, action: Action | undefined): boolean {
  return action?.kind !== "remove" && (source !== undefined || destination !== undefined);
}

function observerOf(request: RoundRequest, { again, memory, tally, onProblem }: PlanDeps): Observer {
  const { clock, source, destination, signal, decide, settleWindowMs } = request;
  return {
    clock,
    source,
    destination,
    exact: request.exact === true || request.dryRun || decide.twoWay || request.follow !== undefined,
    twoWay: decide.twoWay,
    keepsForeign: !decide.twoWay && decide.keepForeign !== undefined,
    onlyMissing: !decide.twoWay && decide.onlyMissing === true,
    settleWindowMs,
    inBackground: onlyOf(request, again) === undefined || request.isRemoteChanged === true,
    signal,
    onProblem,
    onLag: (keys) => (tally.lagging += keys),
    memory,
  };
}

async function sidesOf(
  only: readonly Key[] | undefined,
  listOptions: ListOptions,
  request: RoundRequest,
  deps: PlanDeps,
): Promise<MergeInput> {
  const { again, seen, memory, answers } = deps;
  const { clock, source, destination, base, settleWindowMs, isRemoteChanged = false } = request;
  if (only === undefined)
    return { source: source.list(listOptions), destination: destination.list(listOptions), base: base.scan() };
  const options = { ...listOptions, memory, clock, settleWindowMs, answers };
  if (isRemoteChanged && remoteSide(request) === "source") return pulledSides(only, request, options);
  const isAgain = again !== undefined;
  const inBackground = isRemoteChanged && !isAgain;
  return partialSides(only, request, { ...options, seen, fetchesAll: isAgain || isRemoteChanged, inBackground });
}

function listOptionsOf(
  unknowns: Unknowns,
  fixed: Set<Key>,
  { signal }: RoundRequest,
  { onProblem }: PlanDeps,
): ListOptions {
  return {
    onProblem,
    onUnknown: (unknown) => unknowns.add(unknown),
    onFixed: (key) => fixed.add(key),
    ...(signal !== undefined && { signal }),
  };
}

/** What a side would refuse is no part of a plan, and is told when it is made: else each round would read and keep its values anew. */
function refuseFixed(
  verdict: Verdict,
  key: Key,
  fixed: ReadonlySet<Key>,
  { request, deps }: { readonly request: RoundRequest; readonly deps: PlanDeps },
): Verdict {
  const { action } = verdict;
  if (action === undefined || (action.kind !== "write" && action.kind !== "remove")) return verdict;
  if (request[action.to].kind !== "tree" || !fixed.has(key)) return verdict;
  deps.onProblem(problem("not-a-file", key, FIXED));
  return { action: undefined, count: undefined };
}

const FIXED =
  "is reached by a symbolic link: it is neither replaced nor removed. Change what the link leads to, or remove the link";

/** Of a page the keys that the pass is about, and that both sides tell of. */
function selectTriples(
  page: readonly Triple[],
  {
    again,
    unknowns,
    removed,
    tally,
    onProblem,
  }: Pick<PlanDeps, "again" | "tally" | "onProblem"> & {
    readonly unknowns: Unknowns;
    /** Takes the keys whose removal turns out to have been carried out. */
    readonly removed: Key[];
  },
): readonly Triple[] {
  return page.flatMap((triple) => {
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
}

/** Of which keys the fingerprints of both sides must be known, whatever it costs: those in a plan that is kept, or followed, and the one of a conflict that is resolved.
 * Undefined: of none. */
function wantedOf(
  { identify, decide }: RoundRequest,
  saved: ReadonlyMap<Key, SavedAction> | undefined,
): ((triple: Triple) => boolean) | undefined {
  if (saved !== undefined) return ({ key }) => saved.has(key);
  // A person has seen both versions: it is theirs that are compared.
  if (decide.twoWay && decide.resolution !== undefined) return () => true;
  if (identify !== true) return undefined;
  return (triple) => {
    const { action } = decideTriple(triple, decide);
    return action?.kind === "write" || action?.kind === "remove";
  };
}

function verdictOf(
  triple: Triple,
  saved: Map<Key, SavedAction> | undefined,
  { decide }: RoundRequest,
  deps: PlanDeps,
): Verdict {
  const verdict = decideTriple(triple, decide);
  if (saved === undefined) return verdict;
  const { action, count } = verdict;
  const isBookkeeping = action?.kind === "record" || action?.kind === "forget";
  const planned = saved.get(triple.key);
  saved.delete(triple.key);
  // It is no part of the plan: a later round sees to it.
  if (planned === undefined) {
    if (count === "conflicts" && action === undefined) return verdict;
    const isOther = (action !== undefined && !isBookkeeping) || verdict.isTooLate === true;
    return isOther ? { action: undefined, count: "skipped" } : verdict;
  }
  if (planned.to === "source" && !decide.twoWay) {
    const message = `the plan would change "${visible(triple.key)}" at the source, which this round only reads`;
    throw new AppError("usage", message, { hint: "nothing was changed; make the plan again: kvsync plan --out FILE" });
  }
  const followed = followAction(planned, triple);
  switch (followed.kind) {
    case "due":
      return { action: followed.action, count: planned.conflict === undefined ? undefined : "conflicts" };
    case "done":
      return isBookkeeping ? verdict : { action: undefined, count: "unchanged" };
    case "unsettled":
      deps.tally.unsettled++;
      tellOutdated(triple.key, followed.message, deps);
      return { action: undefined, count: undefined };
    case "outdated":
      tellOutdated(triple.key, followed.message, deps);
      return { action: undefined, count: undefined };
  }
}

function tellOutdated(key: Key, message: string, { tally, onProblem }: PlanDeps): void {
  tally.outdated++;
  onProblem(problem("outdated", key, message));
}

function countVerdict(
  { key, lags, source, destination: held }: Triple,
  verdict: Verdict,
  { events, destination }: RoundRequest,
  { again, tally, onDone, onProblem }: PlanDeps,
): void {
  const unsure = again?.get(key);
  if (verdict.isTooLate === true) {
    const message = "has expired, or does within 60 seconds: KV takes it no more, and it was not written";
    // A pull leaves alone what is about to be gone.
    if (destination.traits.eventuallyConsistent) return onProblem(problem("expired", key, message));
    onProblem(notice("expired", key, "has expired, or does within 60 seconds: it is not written"));
  }
  if (unsure !== undefined && isAlike(verdict)) return onDone(unsure.done);
  // The pass before may have counted the conflict.
  if (verdict.count === undefined || (verdict.count === "conflicts" && unsure?.isConflict === true)) return;
  // It was counted as lagging: that it is alike on both sides is not known.
  if (verdict.count === "unchanged" && lags !== undefined) return;
  tally[verdict.count]++;
  if (verdict.count === "conflicts" && verdict.action === undefined)
    events.onWaiting?.(key, { source: source!, destination: held! });
}

/** What is left of `saved` once `page` was decided: keys that neither side has. Those that a side has or may have, and that
 * could not be looked at, are told of. */
function absentTriples(
  saved: Map<Key, SavedAction>,
  page: readonly Triple[],
  unknowns: Unknowns,
  { isManaged }: RoundRequest,
  deps: PlanDeps,
): readonly Triple[] {
  const listed = new Set(page.map(({ key }) => key));
  for (const key of saved.keys()) {
    const isHidden = isManaged?.(key) === false;
    if (!isHidden && !listed.has(key) && unknowns.find(key) === undefined) continue;
    saved.delete(key);
    const why = isHidden ? "is left alone by include and exclude now" : "cannot be looked at";
    tellOutdated(key, `${why}, so that the plan cannot be held against it`, deps);
  }
  return [...saved.keys()].map(absentTriple);
}

function absentTriple(key: Key): Triple {
  return { key, source: undefined, destination: undefined, base: undefined, previous: undefined };
}

/** Whether the remote holds what nobody knows, and something is to become of it. */
function isUnsettled(triple: Triple, { action, count }: Verdict, { traits }: ReadableReplica): boolean {
  if (!traits.eventuallyConsistent || triple.destination?.fingerprint === undefined) return false;
  const isOpen = action?.kind === "write" || action?.kind === "remove" || count === "conflicts";
  return isOpen && isNews(triple.destination, triple);
}

/** Of what a side shows late nothing is known yet. What is not the conflict that a person was shown may be another one. */
function isNoConflict({ lags }: Triple, { count }: Verdict, { decide }: RoundRequest): boolean {
  const isRefused = count === "skipped" && decide.twoWay && decide.resolution !== undefined;
  return lags === undefined && count !== "conflicts" && !isRefused;
}

/** Both sides hold the same, or nothing. */
function isAlike({ action, count }: Verdict): boolean {
  if (action !== undefined) return action.kind === "record" || action.kind === "forget";
  return count === undefined || count === "unchanged";
}
