// One round of a mapping that was opened: runs it, has its plan judged, and reports. It keeps nothing of it but the base, the
// history and how the round ended.

import type { MappingConfig } from "../config/config.ts";
import type { Problem } from "../core/problem.ts";
import type { EpochMs } from "../core/clock.ts";
import type { RoundEvents, RoundResult } from "../engine/round-request.ts";
import { openAlikeSearch } from "../core/names/alike-names.ts";
import { openGoneKeys } from "../journal/gone-keys.ts";
import type { MappingFacts } from "../journal/mapping-facts.ts";
import type { MovingFiles } from "../replica/moving-files.ts";
import { newlyAlike } from "./alike-notices.ts";
import { collectProblems } from "./collect-problems.ts";
import { type FoundConflicts, openFoundConflicts } from "./conflicts/remember-conflicts.ts";
import { decideOf } from "./policy-of-mode.ts";
import type { DirtyKeys } from "./dirty-keys.ts";
import type { Circumstances } from "./hold-reason.ts";
import { openRemovalCount, type RemovalCount } from "./count-removals.ts";
import { openRoundJudge } from "./judge-round.ts";
import type { MappingMemory } from "./mapping-memory.ts";
import type { Opened } from "./mapping-opener.ts";
import { type Pair, type PairDeps, runPairRound } from "./pair.ts";
import { openRoundLog } from "./round-log.ts";
import { markRoot, rootReplaced } from "../replica/tree/tree-root.ts";
import type { RoundCall, RoundReport } from "./round-port.ts";
import type { RemovesLater } from "./status.ts";
import { everything, NO_PROBLEMS, nothing } from "./standing-problems.ts";

/** What a round starts from. */
export interface Situation extends Opened {
  readonly place: string;
  /** Of the folder when the round began to look; undefined: there was none. */
  readonly rootMark: string | undefined;
  readonly before: MappingFacts | undefined;
  readonly pair: Pair;
  readonly circumstances: Circumstances;
}

export interface OneRoundDeps extends PairDeps {
  readonly mapping: MappingConfig;
  readonly memory: MappingMemory;
  readonly moving: MovingFiles;
  readonly spool: number;
}

export interface OneRound {
  readonly call: RoundCall;
  /** A round over these keys; undefined: over all. */
  readonly some?: DirtyKeys | undefined;
  /** Read whatever the plan depends on. */
  readonly isExact?: boolean;
}

export interface Judged {
  readonly report: RoundReport;
  readonly needsFullRound: boolean;
  readonly needsExact: boolean;
  /** A person let this very plan pass. */
  readonly isApproved: boolean;
}

export async function runOneRound(deps: OneRoundDeps, situation: Situation, round: OneRound): Promise<Judged> {
  const { clock, mapping, memory } = deps;
  const { pair, circumstances, root, rootMark, readRequests } = situation;
  const { call, some } = round;
  const startedAt = clock.now();
  const began = clock.monotonic();
  const heldBefore = memory.holds.before(mapping.name);
  const log = openRoundLog({ clock, history: memory.history, mapping: mapping.name, mode: mapping.mode });
  const problems = collectProblems();
  const alike = openAlikeSearch();
  const waiting = openFoundConflicts(memory.waitingKeys());
  for (const problem of some?.problems ?? []) problems.add(problem);
  const removals = openRemovalCount({ ...deps, place: pair.identity, mode: mapping.mode });
  const readBefore = readRequests();
  let readToJudge: number | undefined;
  // Which files are as they were decides whether a folder is the one it was; and a plan that is held has the same id in each
  // round only if it does not depend on what was read for it by chance.
  const isExact =
    round.isExact === true || (circumstances.rootChanged && mapping.rootSwaps === "hold") || heldBefore !== undefined;
  const judge = openRoundJudge({
    clock,
    mapping,
    place: pair.identity,
    memory,
    circumstances,
    heldBefore,
    isReplaced: () => root !== undefined && markRoot(mapping.folder) !== rootMark,
    isDryRun: call.dryRun === true,
    isPartial: some !== undefined,
    isExact,
    isFollowed: call.follow !== undefined,
  });
  const result = await runPairRound(deps, pair, {
    decide: decideOf(mapping, pair.destination, { now: clock.now(), resolution: call.resolution }),
    // A server that tells of a change shows it: for whoever follows it, it does not lag behind itself.
    settleWindowMs: call.onReached !== undefined && situation.account.api.offersChanges() ? 0 : mapping.settleWindowMs,
    rest: mapping,
    moving: deps.moving,
    wait: call.wait,
    trustStamps: mapping.trustStamps,
    guards: mapping,
    // What a person has looked at is judged by itself.
    recent: call.follow === undefined ? removals.recent : undefined,
    removeAfterMs: mapping.removeAfterMs,
    dryRun: call.dryRun ?? false,
    force: call.force ?? false,
    signal: call.signal,
    events: { ...mergeEvents(call, problems.add, { log, waiting, removals }), onKey: (key) => alike.add(key) },
    mayApply: (plan, seen) => {
      readToJudge ??= readRequests() - readBefore;
      const may = judge.mayApply(plan, seen);
      if (may && call.dryRun !== true && !seen.isRepeat) removals.begin(plan, seen);
      return may;
    },
    exact: isExact,
    identify: call.identify === true,
    ...(call.follow !== undefined && { follow: call.follow }),
    spool: deps.spool,
    ...(some !== undefined && { only: some.keys, isRemoteChanged: some.isRemoteChanged === true }),
  }).finally(() => {
    log.close();
    removals.end(call.force === true || judge.judgement().isApproved === true);
  });
  if (call.follow === undefined) deps.moving.roundEnded(began, some?.keys);
  const judged = judge.judgement();
  const { hold, foretold, needsFullRound = false, needsExact = false, isApproved = false } = judged;
  if (judged.isReplaced === true) throw rootReplaced(mapping.folder);
  const namesAlike = some === undefined && call.follow === undefined ? alike.found() : memory.outcome.alike();
  const report = {
    // Names that can be no keys are told by the watcher's paths, and not by the engine.
    result: { ...result, failed: result.failed + (some?.problems.length ?? 0) },
    startedAt,
    durationMs: Math.round(clock.monotonic() - began),
    hold,
    foretold,
    isFull: some === undefined && call.follow === undefined,
    problems: problems.kept,
    transient: problems.transient(),
    removesLater: removesLaterAfter(deps, pair, { isDryRun: call.dryRun === true, startedAt, result }),
    // Not asked for its say: a forced round, which does not come round.
    readRequests: readToJudge ?? readRequests() - readBefore,
    waitingConflicts: waiting.count,
    changes: log.changes,
    moreChanges: log.more(),
    alike: namesAlike,
    newlyAlike: newlyAlike(memory.outcome.alike(), namesAlike),
    namespace: situation.mapping.namespace,
  };
  const found = { needsFullRound, needsExact, isApproved };
  if (!needsFullRound && !needsExact) for (const told of report.newlyAlike) call.events?.onProblem(told);
  if (call.dryRun === true || needsFullRound || needsExact)
    return { report: { ...report, standing: NO_PROBLEMS }, ...found };
  const covers = call.follow === undefined ? (some?.covers ?? everything) : nothing;
  const waitingConflicts =
    call.follow === undefined ? memory.conflictsAfter(waiting, some?.keys, startedAt) : memory.outcome.conflicts();
  const ended = { ...report, waitingConflicts };
  const leavesError = call.resolution !== undefined;
  const standing = memory.outcome.roundEnded(ended, {
    kept: problems.kept,
    more: problems.more(),
    covers,
    leavesError,
  });
  return { report: { ...ended, standing }, ...found };
}

/** What the journal says: a round over some keys has not seen the others. */
function removesLaterAfter(
  { journal, mapping: { removeAfterMs } }: OneRoundDeps,
  { identity }: Pair,
  round: { readonly isDryRun: boolean; readonly startedAt: EpochMs; readonly result: RoundResult },
): RemovesLater | null {
  if (removeAfterMs === 0) return null;
  const { removesLater: keys, removesLaterAt: dueAt } = round.result;
  if (round.isDryRun) return dueAt === undefined ? null : { keys, dueAt };
  const waiting = openGoneKeys(journal, identity).waiting(round.startedAt, removeAfterMs);
  return waiting === undefined ? null : { keys: waiting.keys, dueAt: (waiting.since + removeAfterMs) as EpochMs };
}

function mergeEvents(
  { events, onProgress }: RoundCall,
  onProblem: (problem: Problem) => void,
  {
    log,
    waiting,
    removals,
  }: {
    readonly log: ReturnType<typeof openRoundLog>;
    readonly waiting: FoundConflicts;
    readonly removals: RemovalCount;
  },
): RoundEvents {
  return {
    onProblem: (problem) => {
      onProblem(problem);
      events?.onProblem(problem);
    },
    onPlan: (plan, sides) => {
      log.onPlan(plan);
      return events?.onPlan?.(plan, sides);
    },
    onWaiting: (key, versions) => {
      waiting.add(key, versions.source, versions.destination);
      events?.onWaiting?.(key, versions);
    },
    onLooked: (key, isDecided) => waiting.looked(key, isDecided),
    onLagging: (key, lags) => events?.onLagging?.(key, lags),
    onDone: (done) => {
      log.onDone(done);
      removals.onDone(done);
      waiting.looked(done.key, true);
      events?.onDone?.(done);
    },
    onProgress: (progress) => {
      onProgress?.(progress);
      events?.onProgress?.(progress);
    },
  };
}
