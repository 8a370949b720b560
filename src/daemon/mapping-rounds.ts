// The rounds of one mapping: opens its folder and namespace, runs a round, and keeps what must be known the next time:
// the hold, the folder's identity, the history. Used by the daemon's loops, and by `kvsync sync` for a single round.

import type { MappingConfig } from "../config/config.ts";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { Problem, ProblemCode } from "../core/problem.ts";
import type { Plan } from "../engine/plan.ts";
import type { PlanSeen, RoundEvents, RoundResult } from "../engine/round.ts";
import { type HistoryEvent, openHistory } from "../journal/history.ts";
import { type Hold, openHolds } from "../journal/holds.ts";
import { openSightings, type Sighting } from "../journal/sightings.ts";
import { openTrashIndex } from "../journal/trash-index.ts";
import type { RootIdentity } from "../replica/tree/tree-root.ts";
import { decideOf } from "./decide-mapping.ts";
import { type Circumstances, encodeHoldReason, type HoldReason, judgePlan, renderHoldReason } from "./hold-reason.ts";
import { countLists } from "./listing-count.ts";
import { circumstancesOf, filterOf, findRoot, placeOf, sameRoot } from "./mapping-facts.ts";
import { openMapping, type OpenMapping } from "./mapping.ts";
import { type PairDeps, runPairRound } from "./pair.ts";
import { planIdOf } from "./plan-id.ts";
import { openRoundLog } from "./round-log.ts";
import type { AccountsPort, DaemonAccount, MappingRounds, RoundCall, RoundReport } from "./round-port.ts";

export interface MappingRoundsDeps extends PairDeps {
  readonly mapping: MappingConfig;
  readonly accounts: AccountsPort;
  /** Tells the spools of mappings whose rounds run at the same time apart. */
  readonly spool: number;
}

/** Failures that pass by themselves: a file being written, a listing that lags, a disk that is full for a while. */
const TRANSIENT: ReadonlySet<ProblemCode> = new Set([
  "changed-while-reading",
  "changed-on-disk",
  "write-failed",
  "unreadable",
  "stale-read",
  "vanished",
  "unconfirmed",
]);
const PROBLEMS_KEPT_MAX = 20;
/** The trash is looked through after rounds that put something there, and otherwise this often. */
const PRUNE_INTERVAL_MS = 3_600_000;

interface Opened {
  readonly account: DaemonAccount;
  readonly mapping: OpenMapping;
  readonly root: RootIdentity | undefined;
  readonly listRequests: () => number;
}

export function openMappingRounds(deps: MappingRoundsDeps): MappingRounds {
  const { clock, journal, mapping, accounts } = deps;
  const { name } = mapping;
  const holds = openHolds(journal);
  const sightings = openSightings(journal);
  const history = openHistory(journal);
  const trash = openTrashIndex(journal, deps.stateDir);
  const direction = mapping.mode === "pull" ? "pull" : "push";
  let opened: Opened | undefined;
  let prunedAt = Number.NEGATIVE_INFINITY;
  let failedWith: string | undefined;

  const tell = (event: HistoryEvent, reason: string): void =>
    history.append([
      { at: clock.now(), mapping: name, key: undefined, side: undefined, event, reason, bytes: undefined },
    ]);

  async function close(): Promise<void> {
    const closing = opened;
    opened = undefined;
    await closing?.mapping.close();
  }

  /** The mapping over the account's present client and the present folder. */
  async function open(
    account: DaemonAccount,
    root: RootIdentity | undefined,
    before: Sighting | undefined,
    look: boolean,
  ): Promise<Opened> {
    if (opened !== undefined && opened.account === account && sameRoot(opened.root, root)) return opened;
    await close();
    const { api, counted } = countLists(account.api);
    // A namespace that was there before is never made anew: who deleted it may have meant it.
    const config = { ...mapping, create: mapping.create && before?.namespaceId === undefined };
    const open = await openMapping(
      { clock, stateDir: deps.stateDir, mapping: config, account: account.config, api },
      { direction, look },
    );
    return (opened = { account, mapping: open, root, listRequests: counted });
  }

  async function attempt(call: RoundCall): Promise<RoundReport> {
    const startedAt = clock.now();
    const account = await accounts.open(mapping.account);
    const place = placeOf(mapping, account.config);
    const before = sightings.get(name, place);
    // Before any request is spent: a folder that is missing is missing whatever the namespace holds.
    const root = findRoot(mapping, before);
    try {
      const open_ = await open(account, root, before, call.dryRun === true);
      return await round(open_, place, before, startedAt, call);
    } catch (error) {
      if (error instanceof AppError && error.code === "unauthorized") accounts.renew(account);
      if (error instanceof AppError && OPEN_ANEW.has(error.code)) await close();
      throw error;
    } finally {
      if (call.dryRun === true) await close();
    }
  }

  async function round(
    { mapping: open, root, listRequests }: Opened,
    place: string,
    before: Sighting | undefined,
    startedAt: EpochMs,
    call: RoundCall,
  ): Promise<RoundReport> {
    const pair = open.pair(direction);
    const filter = filterOf(mapping);
    const found = { root, namespaceId: open.namespace?.id, filter };
    const circumstances = circumstancesOf(before, found);
    const heldBefore = holds.get(name);
    const log = openRoundLog({ clock, history, mapping: name, mode: mapping.mode });
    const problems = collectProblems();
    const listedBefore = listRequests();
    let hold: Hold | undefined;
    let replacedMeanwhile = false;

    const mayApply = (plan: Plan, seen: PlanSeen): boolean => {
      if (root !== undefined && !sameRoot(root, findRoot(mapping, before))) {
        replacedMeanwhile = true;
        return false;
      }
      const reason = judge(plan, seen, circumstances);
      if (reason === undefined) return true;
      const id = planIdOf(plan);
      if (heldBefore?.approved === true && heldBefore.plan === id) {
        tell("approved", `plan ${id}: ${renderHoldReason(reason)}`);
        return true;
      }
      hold = {
        mapping: name,
        plan: id,
        reason: encodeHoldReason(reason),
        writes: plan.writes,
        removes: plan.removes,
        since: heldBefore?.since ?? clock.now(),
        approved: false,
      };
      if (heldBefore?.plan !== id) tell("held", `plan ${id}: ${renderHoldReason(reason)}`);
      return false;
    };

    const result = await runPairRound(deps, pair, {
      decide: decideOf(mapping, pair.destination, clock.now()),
      settleWindowMs: mapping.settleWindowMs,
      guards: { maxDelete: mapping.maxDelete },
      dryRun: call.dryRun ?? false,
      force: call.force ?? false,
      signal: call.signal,
      events: mergeEvents(call, problems.add, log),
      mayApply,
      // Which files are as they were decides whether a folder is the one it was.
      exact: circumstances.rootChanged,
      spool: deps.spool,
    }).finally(() => log.close());
    if (replacedMeanwhile) {
      throw new AppError("root-missing", `the folder ${mapping.folder} was replaced while it was looked at`, {
        hint: "nothing was changed; it is looked at again",
        retryable: true,
      });
    }

    if (call.dryRun !== true) remember(hold, heldBefore);
    if (hold === undefined && call.dryRun !== true) {
      const rootNow = findRoot(mapping, undefined);
      sightings.put({ mapping: name, place, ...found, root: rootNow, lookedAt: startedAt });
      prune(result);
    }
    failedWith = undefined;
    return {
      result,
      startedAt,
      durationMs: clock.now() - startedAt,
      hold,
      lifted: heldBefore !== undefined && hold === undefined,
      problems: problems.kept,
      transient: problems.transient(),
      listRequests: listRequests() - listedBefore,
      changes: log.changes,
      namespace: open.namespace,
    };
  }

  function remember(hold: Hold | undefined, heldBefore: Hold | undefined): void {
    if (hold !== undefined) holds.put(hold);
    else if (holds.lift(name) && heldBefore?.approved === false) tell("lifted", "what it was held for is gone");
  }

  function prune({ written, removed }: RoundResult): void {
    if (written + removed === 0 && clock.now() - prunedAt < PRUNE_INTERVAL_MS) return;
    const now = clock.now();
    prunedAt = now;
    trash.prune(name, mapping.trash, now);
  }

  async function full(call: RoundCall): Promise<RoundReport> {
    try {
      return await attempt(call);
    } catch (error) {
      if (error instanceof AppError && !call.signal.aborted && failedWith !== error.code) {
        failedWith = error.code;
        tell("failed", error.message);
      }
      throw error;
    }
  }

  return {
    full,
    // Until the engine can look at some keys alone, all are looked at.
    dirty: (_paths, call) => full(call),
    hold: () => holds.get(name),
    approve: (plan) => holds.approve(name, plan),
    close,
  };
}

/** After these a namespace or folder is looked up again before the next round. */
const OPEN_ANEW: ReadonlySet<AppError["code"]> = new Set([
  "unauthorized",
  "namespace-not-found",
  "root-missing",
  "interrupted",
]);

function judge(plan: Plan, seen: PlanSeen, circumstances: Circumstances): HoldReason | undefined {
  // Counted only where it matters: it goes through the whole plan.
  const replaces = circumstances.rootChanged ? countReplaces(plan) : 0;
  return judgePlan({ writes: plan.writes, removes: plan.removes, replaces }, seen, circumstances);
}

function countReplaces(plan: Plan): number {
  let replaces = 0;
  for (const list of ["write:source", "write:destination"] as const) {
    for (const page of plan.pages(list)) replaces += page.filter((action) => action.replaces !== undefined).length;
  }
  return replaces;
}

interface ProblemCollection {
  readonly kept: readonly Problem[];
  readonly add: (problem: Problem) => void;
  readonly transient: () => number;
}

function collectProblems(): ProblemCollection {
  const kept: Problem[] = [];
  let transient = 0;
  return {
    kept,
    add: (problem) => {
      if (!problem.failure) return;
      if (TRANSIENT.has(problem.code)) transient++;
      if (kept.length < PROBLEMS_KEPT_MAX) kept.push(problem);
    },
    transient: () => transient,
  };
}

function mergeEvents(
  { events, onProgress }: RoundCall,
  onProblem: (problem: Problem) => void,
  log: ReturnType<typeof openRoundLog>,
): RoundEvents {
  return {
    onProblem: (problem) => {
      onProblem(problem);
      events?.onProblem(problem);
    },
    onPlan: (plan) => {
      log.onPlan(plan);
      events?.onPlan?.(plan);
    },
    onDone: (done) => {
      log.onDone(done);
      events?.onDone?.(done);
    },
    onProgress: (progress) => {
      onProgress?.(progress);
      events?.onProgress?.(progress);
    },
  };
}
