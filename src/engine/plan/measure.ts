// What the guards measure a plan by, besides the plan itself: how many keys each side has, and how many of those that both
// had agreed on would be overwritten.

import { compareVersions } from "../../core/compare.ts";
import type { EpochMs } from "../../core/clock.ts";
import { checkGuards, type GuardLimits, type PlanCounts, type Trip } from "../../core/guards.ts";
import { countedRemovals, isLasting, NO_REMOVALS, type RecentRemovals } from "../../core/recent-removals.ts";
import type { Entry } from "../../core/entry.ts";
import type { ReadableReplica } from "../../replica/replica.ts";
import type { Triple } from "../merge.ts";
import { onePage, transferOptions } from "../observer.ts";
import type { Plan } from "./plan.ts";
import { type Action, otherSide, type Target } from "./action.ts";

/** A guard that a plan trips, and the side that it would change. */
export type PlanTrip = Trip & { readonly to: Target };

export interface Measure {
  /** Keys of each side. */
  readonly keys: Record<Target, number>;
  /** Writes to each side that replace the value of a key in the base. */
  readonly overwrites: Record<Target, number>;
  /** Writes to each side of keys in the base that it is without. */
  readonly restored: Record<Target, number>;
  /** Keys in the base that each side has. */
  readonly known: Record<Target, number>;
  /** Those of them that would be removed from it. */
  readonly knownRemoves: Record<Target, number>;
  /** Those of these that had been there for long. */
  readonly lastingRemoves: Record<Target, number>;
  /** Keys in the base that both sides have and that stay as they are. */
  kept: number;
  /** Keys in the base that were looked at. */
  based: number;
  /** Keys taken to be alike on both sides, of which one side shows something else. */
  lagging: number;
}

export function openMeasure(): Measure {
  return {
    keys: noneOfEach(),
    overwrites: noneOfEach(),
    restored: noneOfEach(),
    known: noneOfEach(),
    knownRemoves: noneOfEach(),
    lastingRemoves: noneOfEach(),
    kept: 0,
    based: 0,
    lagging: 0,
  };
}

function noneOfEach(): Record<Target, number> {
  return { source: 0, destination: 0 };
}

export function measureTriple(measure: Measure, triple: Triple, action: Action | undefined, now: EpochMs): void {
  const { source, destination, base } = triple;
  if (source !== undefined) measure.keys.source++;
  if (destination !== undefined) measure.keys.destination++;
  if (base === undefined) return;
  measure.based++;
  if (source !== undefined) measure.known.source++;
  if (destination !== undefined) measure.known.destination++;
  if (action?.kind === "remove") {
    measure.knownRemoves[action.to]++;
    if (isLasting(base, now)) measure.lastingRemoves[action.to]++;
  }
  if (action?.kind === "write" && triple[action.to] === undefined) measure.restored[action.to]++;
  if (source === undefined || destination === undefined) return;
  if (action?.kind === "write") measure.overwrites[action.to]++;
  else measure.kept++;
}

/** A partial round does not see the keys that it is not about: the base says how many there are, and they stay. */
export function assumeRest(measure: Measure, baseKeys: number): void {
  measure.keys.source = measure.keys.destination = baseKeys;
  const rest = baseKeys - measure.based;
  measure.kept += rest;
  measure.known.source += rest;
  measure.known.destination += rest;
}

interface CheckDeps {
  readonly source: ReadableReplica;
  readonly guards: GuardLimits;
  /** See RoundRequest. */
  readonly recent?: Readonly<Record<Target, RecentRemovals>> | undefined;
  readonly signal?: AbortSignal;
}

/** The guard that a plan trips, or undefined. What tells an accident from work is read where it is not known yet: a removal
 * whose value the plan writes under another name is no loss, and a write of what is there already is no overwrite. */
export async function checkPlan(plan: Plan, measure: Measure, deps: CheckDeps): Promise<PlanTrip | undefined> {
  const trip = tripOf(plan, measure, deps);
  if (trip?.guard === "source-empty" && measure.keys[otherSide(trip.to)] > 0) {
    const renames = await countRenames(plan, trip.to, deps);
    const again = tripOf(plan, measure, deps, { to: trip.to, renames });
    return again?.guard === "max-overwrite" ? checkOverwrites(plan, measure, again, deps) : again;
  }
  return trip?.guard === "max-overwrite" ? checkOverwrites(plan, measure, trip, deps) : trip;
}

/** Values are read until enough of them are found to be what is there, or all have been looked at. */
async function checkOverwrites(
  plan: Plan,
  measure: Measure,
  trip: PlanTrip & { readonly guard: "max-overwrite" },
  deps: CheckDeps,
): Promise<PlanTrip | undefined> {
  const equal = await countEqual(plan, trip.overwrites - trip.allowed, deps);
  if (equal === 0) return trip;
  const { source, destination } = measure.overwrites;
  const overwrites = { source, destination: destination - equal };
  return tripOf(plan, { ...measure, overwrites, kept: measure.kept + equal }, deps);
}

function tripOf(
  { counts }: Plan,
  measure: Measure,
  { guards, recent }: Pick<CheckDeps, "guards" | "recent">,
  moved?: { readonly to: Target; readonly renames: number },
): PlanTrip | undefined {
  const { keys, overwrites, known, knownRemoves, kept } = measure;
  const agreed = overwrites.source + overwrites.destination + kept;
  const check = (to: Target): PlanTrip | undefined => {
    const planned: PlanCounts = {
      sourceKeys: keys[otherSide(to)],
      destinationKeys: keys[to],
      removes: counts[`remove:${to}`],
      overwrites: overwrites[to],
      agreed,
      known: known[to],
      knownRemoves: knownRemoves[to],
      renames: moved?.to === to ? moved.renames : 0,
      removedLately: countedRemovals(recent?.[to] ?? NO_REMOVALS, known[to]),
    };
    const trip = checkGuards(planned, guards);
    return trip && { ...trip, to };
  };
  return check("destination") ?? check("source");
}

/** Removals in a plan that is looked at for renames: of more, nobody renames all at once by hand. */
const RENAMES_MAX = 1000;

/** How many of the values that a plan removes from a side it writes to it under another name. */
async function countRenames(plan: Plan, to: Target, { source, signal }: CheckDeps): Promise<number> {
  if (plan.counts[`write:${to}`] === 0 || plan.counts[`remove:${to}`] > RENAMES_MAX) return 0;
  const written = new Set<string>();
  for (const page of plan.pages(`write:${to}`)) {
    const unread = page.flatMap(({ from }) => {
      if (from.fingerprint !== undefined) written.add(from.fingerprint);
      return from.fingerprint === undefined && to === "destination" ? [from] : [];
    });
    if (unread.length > RENAMES_MAX) return 0;
    for await (const outcomes of source.read(onePage(unread), { ...transferOptions({ signal }), reusesBytes: true })) {
      for (const outcome of outcomes) if (outcome.kind === "value") written.add(outcome.value.entry.fingerprint!);
    }
  }
  let renames = 0;
  for (const page of plan.pages(`remove:${to}`)) {
    renames += page.filter(({ replaces }) => written.has(replaces.fingerprint ?? "")).length;
  }
  return renames;
}

/** As many as one request asks for where reading takes requests. */
const READ_AT_ONCE = 100;

/** How many writes would change nothing, up to about `enough` of them: those whose source is not known to differ. */
async function countEqual(
  plan: Plan,
  enough: number,
  { source, signal }: { readonly source: ReadableReplica; readonly signal?: AbortSignal },
): Promise<number> {
  let equal = 0;
  for (const page of plan.pages("write:destination")) {
    const replaced = new Map(page.flatMap(({ key, ifDifferent, replaces }) => (ifDifferent ? [[key, replaces!]] : [])));
    const doubtful = page.filter(({ key }) => replaced.has(key)).map(({ from }) => from);
    for (let at = 0; at < doubtful.length; at += READ_AT_ONCE) {
      if (equal >= enough) return equal;
      equal += await countEqualOf(doubtful.slice(at, at + READ_AT_ONCE), replaced, { source, signal });
    }
  }
  return equal;
}

async function countEqualOf(
  entries: readonly Entry[],
  replaced: ReadonlyMap<Entry["key"], Entry>,
  { source, signal }: { readonly source: ReadableReplica; readonly signal: AbortSignal | undefined },
): Promise<number> {
  let equal = 0;
  for await (const outcomes of source.read(onePage(entries), { ...transferOptions({ signal }), reusesBytes: true })) {
    for (const outcome of outcomes) {
      if (outcome.kind !== "value") continue;
      if (compareVersions(outcome.value.entry, replaced.get(outcome.key)!) === "same") equal++;
    }
  }
  return equal;
}
