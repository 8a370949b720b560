// One pass over one namespace: a one-way round of the engine, whose base in the journal is the checkpoint. What the round would do is
// told before it is done, and waits for whoever decides that.

import type { ByteCount } from "../../core/clock.ts";
import { toEpochSeconds } from "../../core/clock.ts";
import { STABLE_AFTER_MS, STABLE_MAX_MS } from "../../core/rest.ts";
import type { Entry } from "../../core/entry.ts";
import type { Problem } from "../../core/problem.ts";
import type { PlanTrip } from "../../engine/plan/measure.ts";
import type { Plan } from "../../engine/plan/plan.ts";
import type { RoundResult } from "../../engine/round-request.ts";
import { openBase } from "../../journal/base.ts";
import { type PairDeps, runPairRound } from "../../mapping/pair.ts";
import { withoutStamps } from "../../replica/without-stamps.ts";
import { MovingFiles } from "../../replica/moving-files.ts";
import { type SeenListing, watchListing } from "../preflight/seen-listing.ts";
import type { CopyCounts } from "../migration-record.ts";
import { withKnownFingerprints } from "./known-fingerprints.ts";
import type { NamespaceSides } from "./open-sides.ts";

/** "first": until all keys were carried over once: what was copied is taken to be so. "again": the source may have changed, and is
 * read; programs may use the destination already, and what they wrote and deleted there stays. */
export type PassKind = "first" | "again";

export interface PassRequest {
  readonly kind: PassKind;
  /** Values of the source are read even where it has stamps: a program may have kept the stamp of the value that it replaced. */
  readonly readsStamped: boolean;
  /** The pair, for the trash and in messages. */
  readonly name: string;
  readonly identity: string;
  readonly settleWindowMs: number;
  /** The user let it pass that what the destination holds is overwritten: what there is of it, or this alone. */
  readonly mayOverwrite: boolean | ((destination: Entry) => boolean);
  readonly force: boolean;
  readonly dryRun: boolean;
  /** Tells rounds that run at the same time apart. */
  readonly spool: number;
  /** See RoundRequest. */
  readonly planMemoryActions?: number;
  readonly signal: AbortSignal;
  /** Resolves when the plan may be carried out, rejects if it is not to be. */
  readonly onPlanned: (planned: PlannedPass) => Promise<void>;
  readonly onProblem: (problem: Problem) => void;
  readonly onProgress: (progress: PassProgress) => void;
}

export interface PassProgress {
  readonly phase: "compare" | "transfer" | "remove";
  readonly keys: number;
  readonly keysTotal: number | undefined;
  readonly bytes: ByteCount;
}

/** What a pass found, and would do. */
export interface PlannedPass {
  readonly source: SeenListing;
  readonly destination: SeenListing;
  readonly writes: number;
  readonly removes: number;
  readonly bytes: ByteCount;
  /** Keys that both have, with different content. */
  readonly others: number;
  /** Keys that only the destination has, and that stay. */
  readonly extra: number;
}

export interface PassResult {
  readonly counts: CopyCounts;
  /** Keys of the destination that were left as they are on purpose, whatever the reason. */
  readonly left: number;
  /** Nothing was carried over, and nothing is open. */
  readonly isQuiet: boolean;
  /** Keys failed in a way that another pass may mend. */
  readonly mayHelpAgain: boolean;
  /** Undefined: no guard holds it. */
  readonly trip: PlanTrip | undefined;
  /** Of keys that could not be carried, by key: the first of them. */
  readonly problems: ReadonlyMap<string, string>;
}

const PROBLEMS_KEPT = 10_000;
/** A part of the destination this large is not removed for what is gone at the source without a word. */
const MAX_DELETE_SHARE = 0.25;

export async function copyNamespace(
  deps: PairDeps,
  sides: Pick<NamespaceSides, "source" | "destination">,
  pass: PassRequest,
): Promise<PassResult> {
  const { kind, identity, settleWindowMs, dryRun } = pass;
  const base = openBase(deps.journal, identity, settleWindowMs);
  const source = watchListing(pass.readsStamped ? withoutStamps(sides.source) : sides.source);
  const destination = watchListing(sides.destination);
  const isKnown = kind === "first" && base.count() > 0;
  const problems = new Map<string, string>();
  const tally = { gone: 0, failed: 0, passing: 0, union: 0, extra: 0 };
  const onProblem = (problem: Problem): void => {
    if (!problem.failure) return pass.onProblem(problem);
    if (problem.code === "vanished" || problem.code === "expired") {
      tally.gone++;
      return;
    }
    tally.failed++;
    if (PASSING.has(problem.code)) tally.passing++;
    if (problems.size < PROBLEMS_KEPT) problems.set(problem.subject, problem.message);
    pass.onProblem(problem);
  };
  const result = await runPairRound(
    deps,
    {
      name: pass.name,
      identity,
      source: isKnown ? withKnownFingerprints(source.replica, base) : source.replica,
      destination: destination.replica,
      isManaged: undefined,
    },
    {
      decide: {
        twoWay: false,
        // What only the destination has is not ours.
        delete: "owned",
        save: "removed",
        keepForeign: kind === "first" && pass.mayOverwrite !== false ? "changed" : "all",
        ...(typeof pass.mayOverwrite === "function" && { mayReplace: pass.mayOverwrite }),
        // Once it is copied, programs may delete it there.
        keepGone: kind !== "first",
        now: toEpochSeconds(deps.clock.now()),
      },
      settleWindowMs,
      rest: { stableAfterMs: STABLE_AFTER_MS, stableMaxMs: STABLE_MAX_MS },
      moving: new MovingFiles(deps.clock),
      trustStamps: false,
      guards: { maxDelete: { share: MAX_DELETE_SHARE }, maxOverwrite: { share: 1 } },
      dryRun,
      force: pass.force,
      // What both sides hold is told apart before anything is written.
      exact: true,
      ...(pass.planMemoryActions !== undefined && { planMemoryActions: pass.planMemoryActions }),
      spool: pass.spool,
      signal: pass.signal,
      events: {
        onProblem,
        onKey: () => tally.union++,
        onPlan: (plan) => {
          const seen = { source: source.seen(), destination: destination.seen() };
          tally.extra = Math.max(0, tally.union - seen.source.keys);
          const { writes, removes, bytes } = plan;
          return pass.onPlanned({ ...seen, writes, removes, bytes, others: countOthers(plan), extra: tally.extra });
        },
        onProgress: pass.onProgress,
      },
    },
  );
  const counts = countsOf(result, source.seen(), tally);
  const isQuiet = result.written + result.removed + result.lagging + tally.passing === 0;
  return {
    counts,
    left: result.skipped,
    isQuiet,
    mayHelpAgain: tally.passing + tally.gone > 0,
    trip: result.trip,
    problems,
  };
}

/** Of problems that the next pass may not have. */
const PASSING: ReadonlySet<Problem["code"]> = new Set(["stale-read", "unconfirmed", "changed-while-reading"]);

function countsOf(
  result: RoundResult,
  { keys, bytes }: SeenListing,
  { gone, failed, extra }: { readonly gone: number; readonly failed: number; readonly extra: number },
): CopyCounts {
  const { written, removed, unchanged, lagging, skipped } = result;
  const kept = Math.max(0, skipped - extra);
  return { keys, bytes, written, removed, unchanged: unchanged + lagging, kept, gone, failed };
}

function countOthers(plan: Plan): number {
  let others = 0;
  for (const page of plan.pages("write:destination")) {
    for (const { replaces } of page) if (replaces !== undefined) others++;
  }
  return others;
}
