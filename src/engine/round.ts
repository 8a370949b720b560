// One round in one direction: observe, plan, guard, apply, commit. push, pull and copy are this over different replicas.

import { toEpochSeconds, type ByteCount, type Clock } from "../core/clock.ts";
import { checkGuards, type GuardLimits, type Trip } from "../core/guards.ts";
import type { Problem } from "../core/problem.ts";
import { type Decision, type DeletePolicy, type OneWayPolicy, reconcileOneWay } from "../core/reconcile.ts";
import type { ListOptions, Replica } from "../replica/replica.ts";
import { applyPlan, type Done } from "./apply.ts";
import { mergeJoin, type Triple } from "./merge.ts";
import { observePage } from "./observe.ts";
import { Plan } from "./plan.ts";
import type { BaseStore, Spool, Trash } from "../journal/ports.ts";
import { Unknowns } from "./unknowns.ts";

export interface RoundRequest {
  readonly clock: Clock;
  readonly source: Replica;
  readonly destination: Replica;
  readonly base: BaseStore;
  readonly trash: Trash;
  readonly spool: Spool;
  readonly delete: DeletePolicy;
  readonly guards: GuardLimits;
  /** Apply even what a guard would hold. */
  readonly force: boolean;
  /** Plan exactly, and apply nothing. */
  readonly dryRun: boolean;
  readonly signal?: AbortSignal;
  readonly events: RoundEvents;
}

export interface RoundEvents {
  readonly onProblem: (problem: Problem) => void;
  /** The plan is complete, and passed its guards or was forced, or is a dry run. */
  readonly onPlan?: (plan: Plan) => void;
  readonly onDone?: (done: Done) => void;
  /** `total` is undefined while it is not known. */
  readonly onProgress?: (progress: Progress) => void;
}

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
  /** Keys at the destination that nothing says are ours, expired keys, and others left as they are on purpose. */
  readonly skipped: number;
  readonly failed: number;
  readonly bytes: ByteCount;
  /** Set if a guard holds the plan: then nothing was applied. */
  readonly trip: Trip | undefined;
}

/** Throws AppError when a side fails as a whole; single keys that fail are problems and counted. */
export async function runRound(request: RoundRequest): Promise<RoundResult> {
  const tally = { written: 0, removed: 0, unchanged: 0, skipped: 0, failed: 0, bytes: 0 };
  const onProblem = (problem: Problem): void => {
    if (problem.failure) tally.failed++;
    request.events.onProblem(problem);
  };
  const plan = new Plan(request.spool);
  try {
    const seen = await fillPlan(plan, request, tally, onProblem);
    const counts = { ...seen, removes: plan.counts.remove };
    const trip = request.force ? undefined : checkGuards(counts, request.guards);
    if (trip !== undefined && !request.dryRun) return { ...tally, trip };
    request.events.onPlan?.(plan);
    if (request.dryRun) {
      return { ...tally, written: plan.counts.write, removed: plan.counts.remove, bytes: plan.bytes, trip };
    }
    await applyPlan(plan, {
      ...request,
      signal: request.signal,
      onProblem,
      onDone: tallyDone(tally, plan, request.events),
    });
    return { ...tally, trip };
  } finally {
    plan.clear();
  }
}

type Tally = { -readonly [K in keyof Omit<RoundResult, "trip">]: RoundResult[K] };

function tallyDone(tally: Tally, plan: Plan, events: RoundEvents): (done: Done) => void {
  return (done) => {
    tally[done.kind]++;
    tally.bytes += done.bytes;
    events.onDone?.(done);
    events.onProgress?.({
      phase: done.kind === "removed" ? "remove" : "transfer",
      keys: tally.written + tally.removed,
      keysTotal: plan.counts.write + plan.counts.remove,
      bytes: tally.bytes,
      bytesTotal: plan.bytes,
    });
  };
}

/** Lists both sides, merges them with the base, decides each key. Returns how many keys each side has. */
async function fillPlan(
  plan: Plan,
  request: RoundRequest,
  tally: Tally,
  onProblem: (problem: Problem) => void,
): Promise<{ sourceKeys: number; destinationKeys: number }> {
  const { source, destination, events, signal } = request;
  const unknowns = new Unknowns();
  const listOptions: ListOptions = {
    onProblem,
    onUnknown: (unknown) => unknowns.add(unknown),
    ...(signal && { signal }),
  };
  const policy: OneWayPolicy = {
    delete: request.delete,
    saveAll: !destination.traits.readsCostRequests,
    now: toEpochSeconds(request.clock.now()),
  };
  const observer = { source, destination, exact: request.dryRun, signal, onProblem };
  const seen = { sourceKeys: 0, destinationKeys: 0 };
  let keys = 0;
  const triples = mergeJoin({
    source: source.list(listOptions),
    destination: destination.list(listOptions),
    base: request.base.scan(),
  });
  for await (const page of triples) {
    signal?.throwIfAborted();
    const managed = page.filter((triple) => !unknowns.covers(triple.key));
    for (const triple of await observePage(managed, observer)) {
      if (triple.source !== undefined) seen.sourceKeys++;
      if (triple.destination !== undefined) seen.destinationKeys++;
      addDecision(plan, triple, reconcileOneWay(triple.source, triple.destination, triple.base, policy), tally);
    }
    keys += page.length;
    events.onProgress?.({ phase: "compare", keys, keysTotal: undefined, bytes: 0, bytesTotal: undefined });
  }
  return seen;
}

function addDecision(plan: Plan, triple: Triple, decision: Decision, tally: Tally): void {
  const { key, source, destination } = triple;
  switch (decision.kind) {
    case "nothing":
      if (source !== undefined) tally.unchanged++;
      return;
    case "skip":
      tally.skipped++;
      return;
    case "record":
      tally.unchanged++;
      plan.add({ kind: "record", key, source: source!, destination: destination! });
      return;
    case "forget":
      plan.add({ kind: "forget", key });
      return;
    case "write":
      plan.add({
        kind: "write",
        key,
        source: source!,
        destination,
        save: decision.save,
        ifDifferent: decision.ifDifferent,
      });
      return;
    case "remove":
      plan.add({ kind: "remove", key, destination: destination!, save: decision.save });
      return;
  }
}
