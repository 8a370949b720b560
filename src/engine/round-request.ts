// What a round is asked for, what it tells while it runs, and what comes of it.

import type { ByteCount, Clock, DurationMs, EpochMs } from "../core/clock.ts";
import type { Entry } from "../core/entry.ts";
import type { GuardLimits } from "../core/guards.ts";
import type { Key } from "../core/key.ts";
import type { Problem } from "../core/problem.ts";
import type { RecentRemovals } from "../core/recent-removals.ts";
import type { ReadableReplica } from "../replica/replica.ts";
import type { Lags } from "./merge.ts";
import type { Done, Target } from "./plan/action.ts";
import type { Decide } from "./plan/verdict.ts";
import type { SavedActions } from "./plan/follow-plan.ts";
import type { PlanTrip } from "./plan/measure.ts";
import type { Plan } from "./plan/plan.ts";
import type { GoneKeys, PairStore, Spool, Trash } from "./ports.ts";

/** What is gone at one side is removed from the other when it has been gone for so long. */
export interface RemoveLaterRequest {
  /** More than 0. */
  readonly afterMs: DurationMs;
  readonly gone: GoneKeys;
}

export interface RoundRequest {
  readonly clock: Clock;
  /** The side that is the truth; in two-way sync the local side, which is then written in place, too. */
  readonly source: ReadableReplica;
  /** What is only read can be compared with (`dryRun`), and not applied to. */
  readonly destination: ReadableReplica;
  readonly base: PairStore;
  readonly trash: Trash;
  readonly spool: Spool;
  readonly decide: Decide;
  /** Look at these keys alone, of which the source may have changed: it is asked for them by name, and the destination is
   * asked for those of them that the round may touch. Unless it is given, both sides are listed. */
  readonly only?: readonly Key[];
  /** Those of `only` are keys of which the remote may have changed: it is asked for all of them. */
  readonly isRemoteChanged?: boolean | undefined;
  /** Remove only what has been gone for long enough; unless it is given, whatever is gone. */
  readonly removeLater?: RemoveLaterRequest | undefined;
  readonly guards: GuardLimits;
  /** What earlier rounds have removed from each side lately; unless it is given, nothing that counts. */
  readonly recent?: Readonly<Record<Target, RecentRemovals>> | undefined;
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
  /** Find the fingerprint of whatever the plan names, so that it can be kept and followed later. */
  readonly identify?: boolean;
  /** Which keys the round is about; unless it is given, all. */
  readonly isManaged?: ((key: Key) => boolean) | undefined;
  /** Do what this plan says, and nothing else; nothing at all if one of its keys is not as it was. In key order. */
  readonly follow?: SavedActions;
  /** Actions that the plan keeps in memory before it moves to the spool; unless it is given, about 2 MB of them. */
  readonly planMemoryActions?: number | undefined;
  /** Plan exactly, and apply nothing. */
  readonly dryRun: boolean;
  readonly signal?: AbortSignal;
  readonly events: RoundEvents;
}

/** What a plan is judged by, besides itself. */
export interface PlanSeen {
  readonly sourceKeys: number;
  readonly destinationKeys: number;
  /** Keys that are alike on both sides, or are taken to be while a side lags. */
  readonly unchanged: number;
  /** Keys that are gone, and are removed later. */
  readonly removesLater: number;
  /** Writes to each side of keys that both had agreed on and that it is without. */
  readonly restored: Readonly<Record<Target, number>>;
  /** Keys that both had agreed on and that each side has. */
  readonly known: Readonly<Record<Target, number>>;
  /** Removals from each side of keys that had been there for long. */
  readonly lastingRemoves: Readonly<Record<Target, number>>;
  /** Writes to either side that replace the value of a key that both had agreed on. */
  readonly overwrites: number;
  /** As in RoundResult. */
  readonly unseen: number;
  /** The guard it trips. */
  readonly trip: PlanTrip | undefined;
  /** It is about keys that a plan of this round was about already, whose writes and removals were not confirmed. */
  readonly isRepeat: boolean;
}

export interface RoundEvents {
  readonly onProblem: (problem: Problem) => void;
  /** The plan is complete, and passed its guards or was forced, or is a dry run. */
  readonly onPlan?: (plan: Plan, sides: Readonly<Record<Target, ReadableReplica>>) => void | Promise<void>;
  /** A key that a side has, and that the plan does not remove: all those that are decided about, in ascending order and each
   * once. Only of a round over all keys. */
  readonly onKey?: (key: Key) => void;
  /** Both sides changed this key, and it is left as it is on both, for a person to decide. */
  readonly onWaiting?: (key: Key, versions: { readonly source: Entry; readonly destination: Entry }) => void;
  /** A key that the round came to, false at first. `isDecided`: it is known what both sides hold of it, and that it is in no conflict. */
  readonly onLooked?: (key: Key, isDecided: boolean) => void;
  /** A side does not show what this key is taken to be. */
  readonly onLagging?: (key: Key, lags: Lags) => void;
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
  /** Keys that are alike on both sides; without those whose listing lagged. */
  readonly unchanged: number;
  /** Keys left as they are on purpose: foreign ones at the destination, expired ones, and others. */
  readonly skipped: number;
  /** Keys that are gone at one side and are to be removed from the other, when they have been gone for long enough. */
  readonly removesLater: number;
  /** When the first of them is; undefined: there is none. */
  readonly removesLaterAt: EpochMs | undefined;
  /** Keys that both sides changed. */
  readonly conflicts: number;
  readonly failed: number;
  /** Of the failed: keys that one side has, and of which the other cannot tell what it holds. */
  readonly unknown: number;
  /** Of the failed: keys of a saved plan that are not as they were when it was made. If there is one, nothing was applied. */
  readonly outdated: number;
  /** Of the outdated: keys of which it is not sure yet whether they are as they were. */
  readonly unsettled: number;
  /** Keys whose listing lagged: nothing was concluded from it, and the next round looks again. */
  readonly lagging: number;
  /** Keys of which it could not be told what is to become of them, those whose listing lagged among them. */
  readonly unseen: number;
  readonly bytes: ByteCount;
  /** Set if a guard holds the plan: then nothing was applied. */
  readonly trip: PlanTrip | undefined;
  /** Writes and removals that are held, by a guard or by `mayApply`. */
  readonly held: number;
}
