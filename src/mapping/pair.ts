// A pair: two replicas with the base, trash and spool that a round between them needs, from the journal of one state
// folder. Mappings and one-shot copies are both pairs.

import type { Clock, DurationMs } from "../core/clock.ts";
import type { GuardLimits } from "../core/guards.ts";
import type { RestPolicy } from "../core/rest.ts";
import type { Decide } from "../engine/plan/verdict.ts";
import { runRound } from "../engine/round.ts";
import {
  type RemoveLaterRequest,
  type RoundEvents,
  type RoundRequest,
  type RoundResult,
} from "../engine/round-request.ts";
import { openGoneKeys } from "../journal/gone-keys.ts";
import { openBase } from "../journal/base.ts";
import type { Journal } from "../journal/journal.ts";
import { baseWithFilter } from "../journal/base-with-filter.ts";
import { openSpool } from "../journal/spool.ts";
import { openTrash } from "../journal/trash.ts";
import type { IsManaged } from "../replica/with-filter.ts";
import type { MovingFiles } from "../replica/moving-files.ts";
import { type RestWait, withRest } from "../replica/with-rest.ts";
import type { ReadableReplica } from "../replica/replica.ts";

export interface PairDeps {
  readonly clock: Clock;
  readonly journal: Journal;
  /** Where plans that outgrow memory are kept: the journal, or a scratch one for who does not hold the state lock. */
  readonly scratch: Journal;
  readonly stateDir: string;
  /** Throws AppError `state-removed` if the state folder, or the journal in it, is no longer the one that is used. Absent: it is not
   * locked. */
  readonly checkState?: (() => void) | undefined;
  /** How the one run that this is for waits for files that are being written. Absent: who runs it looks again. */
  readonly wait?: RestWait | undefined;
}

export interface Pair {
  /** For the trash and in messages: the mapping's name, or the locations copied between. */
  readonly name: string;
  /** Names both sides for good: their accounts, namespace ids and folders. Another identity is another base. */
  readonly identity: string;
  readonly source: ReadableReplica;
  readonly destination: ReadableReplica;
  readonly isManaged: IsManaged | undefined;
}

export interface PairRound {
  readonly decide: Decide;
  readonly settleWindowMs: DurationMs;
  /** When a file of the source counts as written to its end. */
  readonly rest: RestPolicy;
  /** The files of the source that moved before. */
  readonly moving: MovingFiles;
  /** Takes the place of that of the deps. */
  readonly wait?: RestWait | undefined;
  /** See RoundRequest. */
  readonly trustStamps: boolean;
  /** What is gone at one side is removed from the other after this long; 0 unless given: at once. */
  readonly removeAfterMs?: DurationMs;
  readonly guards: GuardLimits;
  /** See RoundRequest. */
  readonly recent?: RoundRequest["recent"];
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly signal: AbortSignal;
  readonly events: RoundEvents;
  /** See RoundRequest. */
  readonly only?: NonNullable<RoundRequest["only"]>;
  readonly isRemoteChanged?: boolean;
  readonly mayApply?: NonNullable<RoundRequest["mayApply"]>;
  readonly exact?: boolean;
  readonly identify?: boolean;
  readonly planMemoryActions?: number;
  readonly follow?: NonNullable<RoundRequest["follow"]>;
  /** Tells the spools of rounds that run at the same time apart; 1 unless given. */
  readonly spool?: number;
}

export function runPairRound(deps: PairDeps, pair: Pair, round: PairRound): Promise<RoundResult> {
  const base = openBase(deps.journal, pair.identity, round.settleWindowMs);
  const removeLater = removeLaterOf(deps, pair, round);
  const { clock, stateDir, journal } = deps;
  const { rest: policy, moving, events } = round;
  const wait = round.wait ?? (deps.wait && { ...deps.wait });
  return runRound({
    ...round,
    events: {
      ...events,
      onDone: (done) => {
        if (done.to === "destination") moving.carried(done.key);
        events.onDone?.(done);
      },
    },
    clock,
    source: withRest(pair.source, { clock, policy, moving, wait, known: (keys) => base.lookup(keys) }),
    destination: pair.destination,
    removeLater,
    isManaged: pair.isManaged,
    base: pair.isManaged === undefined ? base : baseWithFilter(base, pair.isManaged),
    trash: openTrash(journal, { clock, stateDir, mapping: pair.name }),
    spool: openSpool(deps.scratch, round.spool ?? SPOOL_OF_ROUND),
  });
}

/** Undefined: nothing waits, and what once did begins anew if it ever does again. */
function removeLaterOf(
  { journal, clock }: PairDeps,
  { identity }: Pair,
  { removeAfterMs = 0, dryRun }: PairRound,
): RemoveLaterRequest | undefined {
  const gone = openGoneKeys(journal, identity);
  if (removeAfterMs === 0) {
    if (!dryRun) gone.clear();
    return undefined;
  }
  if (!dryRun) gone.followClock(clock);
  return { afterMs: removeAfterMs, gone };
}

/** Rounds of one command run one at a time, so they share one spool. */
const SPOOL_OF_ROUND = 1;
