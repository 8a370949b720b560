// The rounds of one mapping: finds its folder and namespace, judges what a round is going to do, and keeps what must be
// known the next time: the hold, what the folder and namespace were, the history. Used by the daemon's loops, and by
// `kvsync sync` for a single round.

import type { Config, MappingConfig } from "../config/config.ts";
import type { MonotonicMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { compileFilter } from "../core/filter.ts";
import type { Key } from "../core/key.ts";
import { BULK_GET_KEYS_MAX, LIST_PAGE_KEYS_MAX } from "../core/limits.ts";
import type { Problem } from "../core/problem.ts";
import type { Plan } from "../engine/plan/plan.ts";
import type { PlanSeen, RoundEvents, RoundResult } from "../engine/round-request.ts";
import { openBase } from "../journal/base.ts";
import { type HistoryEvent, openHistory } from "../journal/history.ts";
import { type Hold, openHolds } from "../journal/holds.ts";
import type { BaseStore } from "../engine/ports.ts";
import { openScrubs } from "../journal/scrubs.ts";
import { openSightings, type Sighting } from "../journal/sightings.ts";
import { openTrashIndex } from "../journal/trash-index.ts";
import { openNamespaceReplica } from "../replica/namespace/namespace-replica.ts";
import { checkNeighbours } from "./check-neighbours.ts";
import { collectProblems } from "./collect-problems.ts";
import { decideOf } from "./decide-mapping.ts";
import { explained } from "./explain-failure.ts";
import { type DirtyKeys, findDirtyKeys } from "./dirty-keys.ts";
import { type Circumstances, encodeHoldReason, type HoldReason, judgePlan, renderHoldReason } from "./hold-reason.ts";
import { circumstancesOf, filterOf, findRoot, isAsBefore, placeOf, sameRoot } from "./mapping-facts.ts";
import { openMappingOpener, type Opened } from "./mapping-opener.ts";
import { openOutcomeKeeper } from "./mapping-outcome.ts";
import { operationErrorOf } from "../journal/operation-error.ts";
import { type Pair, type PairDeps, runPairRound } from "./pair.ts";
import { planIdOf } from "./plan-id.ts";
import { openRoundLog } from "./round-log.ts";
import type { AccountsPort, MappingRounds, RoundCall, RoundReport } from "./round-port.ts";
import { scrubStep } from "./scrub-step.ts";
import { everything, NO_PROBLEMS, nothing } from "./standing-problems.ts";

export interface MappingRoundsDeps extends PairDeps {
  readonly mapping: MappingConfig;
  readonly accounts: AccountsPort;
  /** What the config says now: other mappings are not to be about the same files or keys. */
  readonly config?: (() => Config) | undefined;
  /** Tells the spools of mappings whose rounds run at the same time apart. */
  readonly spool: number;
}

/** The trash is looked through after rounds that put something there, and otherwise this often. */
const PRUNE_INTERVAL_MS = 3_600_000;

/** After these a namespace or folder is looked up again before the next round. */
const OPEN_ANEW: ReadonlySet<AppError["code"]> = new Set([
  "unauthorized",
  "namespace-not-found",
  "root-missing",
  "interrupted",
]);

/** What a round starts from. */
interface Situation extends Opened {
  readonly place: string;
  readonly before: Sighting | undefined;
  readonly pair: Pair;
  readonly circumstances: Circumstances;
}

interface Judged {
  readonly report: RoundReport;
  /** A round over some keys came upon what only a look at all of them can judge; it applied nothing. */
  readonly needsLook: boolean;
  /** What is to be held depends on values that were not read; the round applied nothing. */
  readonly needsExact: boolean;
}

export function openMappingRounds(deps: MappingRoundsDeps): MappingRounds {
  const { clock, journal, mapping, accounts } = deps;
  const { name } = mapping;
  const holds = openHolds(journal);
  const sightings = openSightings(journal);
  const history = openHistory(journal);
  const trash = openTrashIndex(journal, deps.stateDir);
  const scrubs = openScrubs(journal);
  const opener = openMappingOpener(deps);
  const outcome = openOutcomeKeeper(deps);
  const filter = filterOf(mapping);
  const keyFilter = compileFilter(mapping);
  let prunedAt: MonotonicMs | undefined;
  let failedWith: string | undefined;
  /** What was found to fight with no other mapping. */
  let checked: Opened | undefined;

  const tell = (event: HistoryEvent, reason: string): void => {
    const about = { mapping: name, key: undefined, side: undefined, bytes: undefined };
    history.append([{ ...about, at: clock.now(), event, reason }]);
  };

  /** For the history, and for a status without a daemon. */
  function noteFailure(error: AppError): void {
    try {
      tell("failed", error.message);
      outcome.failed(error);
    } catch (thrown) {
      // The disk of the state folder is full, say. What the round failed of is told in any case.
      if (operationErrorOf(thrown) === undefined) throw thrown;
    }
  }

  /** Finds out where things stand, and does `work`. */
  async function attempt(call: RoundCall, work: (situation: Situation) => Promise<RoundReport>): Promise<RoundReport> {
    deps.checkState?.();
    const account = await accounts.open(mapping.account);
    const place = placeOf(mapping, account.config);
    const before = sightings.get(name, place);
    outcome.at(place);
    try {
      // Before any request is spent: a folder that is missing is missing whatever the namespace holds.
      const root = findRoot(mapping, before);
      const look = call.dryRun === true;
      const opened = await opener.open({ account, root, before, look, signal: call.signal });
      if (checked !== opened) {
        const config = deps.config?.();
        checkNeighbours(mapping, account.config, opened.mapping.namespace, { ...deps, sightings, config });
        checked = opened;
      }
      call.onOpened?.(opened.mapping.namespace);
      const pair = opened.mapping.pair(mapping.mode === "pull" ? "pull" : "push");
      const circumstances = circumstancesOf(before, { root, namespaceId: opened.mapping.namespace?.id, filter });
      const report = await work({ ...opened, place, before, pair, circumstances });
      failedWith = undefined;
      return report;
    } catch (thrown) {
      const failure = operationErrorOf(thrown);
      if (failure === undefined) throw thrown;
      const error = explained(failure, mapping, before);
      if (OPEN_ANEW.has(error.code)) await opener.close();
      if (error.code === "unauthorized") await accounts.renew(account);
      const isNew = !call.signal.aborted && failedWith !== error.code;
      if (isNew && error.code !== "state-damaged") noteFailure(error);
      failedWith = error.code;
      throw error;
    } finally {
      if (call.dryRun === true) await opener.close();
    }
  }

  /** Runs one round, over `only` these keys or over all, and keeps nothing of it but the base and the history. */
  async function round(
    { pair, circumstances, root, before, lookRequests, mapping: open }: Situation,
    call: RoundCall,
    some: DirtyKeys | undefined,
    isExact = false,
  ): Promise<Judged> {
    const only = some?.keys;
    const startedAt = clock.now();
    const began = clock.monotonic();
    const heldBefore = holds.get(name);
    const log = openRoundLog({ clock, history, mapping: name, mode: mapping.mode });
    const problems = collectProblems();
    for (const problem of some?.problems ?? []) problems.add(problem);
    const looksBefore = lookRequests();
    let looks: number | undefined;
    let hold: Hold | undefined;
    let foretold: HoldReason | undefined;
    let needsLook = false;
    let needsExact = false;
    let isReplaced = false;
    // Which files are as they were decides whether a folder is the one it was; and a plan that is held has the same id in each
    // round only if it does not depend on what was read for it by chance.
    const exact = isExact || circumstances.rootChanged || heldBefore !== undefined;

    const mayApply = (plan: Plan, seen: PlanSeen): boolean => {
      looks ??= lookRequests() - looksBefore;
      isReplaced = root !== undefined && !sameRoot(root, findRoot(mapping, before));
      // What was let pass before is carried on with.
      if (seen.isRepeat) return !isReplaced && seen.trip === undefined;
      const reason = judgePlan(plannedOf(plan, circumstances), seen, circumstances, mapping.mode);
      if (isReplaced || reason === undefined) return !isReplaced;
      if (call.follow !== undefined) {
        foretold = reason;
        return false;
      }
      if (only !== undefined) {
        needsLook = true;
        return false;
      }
      if (!exact && call.dryRun !== true && mapping.mode !== "two-way") {
        needsExact = true;
        return false;
      }
      const id = planIdOf(plan);
      if (call.dryRun === true) {
        if (heldBefore?.approved === true && heldBefore.plan === id) return true;
        foretold = reason;
        return false;
      }
      // As it stands now: it may have been approved since the round began.
      const held = holds.get(name);
      if (held?.approved === true && held.plan === id) {
        tell("approved", `plan ${id}: ${renderHoldReason(reason)}`);
        return true;
      }
      if (heldBefore?.plan !== id) tell("held", `plan ${id}: ${renderHoldReason(reason)}`);
      const { writes, removes } = plan;
      const since = heldBefore?.since ?? clock.now();
      hold = { mapping: name, plan: id, reason: encodeHoldReason(reason), writes, removes, since, approved: false };
      return false;
    };

    const result = await runPairRound(deps, pair, {
      decide: decideOf(mapping, pair.destination, { now: clock.now(), unattended: true }),
      settleWindowMs: mapping.settleWindowMs,
      trustStamps: mapping.trustStamps,
      guards: mapping,
      dryRun: call.dryRun ?? false,
      force: call.force ?? false,
      signal: call.signal,
      events: mergeEvents(call, problems.add, log),
      mayApply,
      exact,
      identify: call.identify === true,
      ...(call.follow !== undefined && { follow: call.follow }),
      spool: deps.spool,
      ...(only !== undefined && { only }),
    }).finally(() => log.close());
    if (isReplaced) {
      throw new AppError("root-missing", `the folder ${mapping.folder} was replaced while it was looked at`, {
        hint: "nothing was changed; it is looked at again",
        retryable: true,
      });
    }
    const report = {
      // Names that can be no keys are told by the watcher's paths, and not by the engine.
      result: { ...result, failed: result.failed + (some?.problems.length ?? 0) },
      startedAt,
      durationMs: Math.round(clock.monotonic() - began),
      hold,
      foretold,
      isFull: only === undefined && call.follow === undefined,
      lifted: heldBefore !== undefined && hold === undefined,
      problems: problems.kept,
      transient: problems.transient(),
      // Not asked for its say: a forced round, which does not come round.
      lookRequests: looks ?? lookRequests() - looksBefore,
      changes: log.changes,
      moreChanges: log.more(),
      namespace: open.namespace,
    };
    if (call.dryRun === true || needsLook || needsExact)
      return { report: { ...report, standing: NO_PROBLEMS }, needsLook, needsExact };
    const looksAt = call.follow === undefined ? (some?.looksAt ?? everything) : nothing;
    const standing = outcome.roundEnded(report, { kept: problems.kept, more: problems.more(), looksAt });
    return { report: { ...report, standing }, needsLook, needsExact };
  }

  async function look(situation: Situation, call: RoundCall): Promise<RoundReport> {
    const heldBefore = holds.get(name);
    const first = await round(situation, call, undefined);
    const { report } = first.needsExact ? await round(situation, call, undefined, true) : first;
    if (call.dryRun === true) return report;
    if (call.follow !== undefined) return followed(situation, report);
    if (report.hold !== undefined) {
      // The same plan stays as it is: an approval that came meanwhile is for the next round.
      if (holds.get(name)?.plan !== report.hold.plan) holds.put(report.hold);
      return { ...report, hold: holds.get(name) };
    }
    if (holds.lift(name) && heldBefore?.approved === false) tell("lifted", "what it was held for is gone");
    const { place, mapping: open, circumstances } = situation;
    // What follows from a change of folder, namespace or filters is not known before all keys could be judged: until then
    // what follows is to be held for it.
    if (isAsBefore(circumstances) || report.result.lagging === 0) {
      sightings.put({
        mapping: name,
        place,
        // A pull has made its folder by now.
        root: findRoot(mapping, undefined),
        namespaceId: open.namespace?.id,
        filter,
        lookedAt: report.startedAt,
      });
    }
    prune(report.result);
    return report;
  }

  /** A plan that was followed is no look at everything: what a change of folder or namespace means is left to the next one. */
  function followed({ place, before, root, mapping: open }: Situation, report: RoundReport): RoundReport {
    const namespaceId = open.namespace?.id;
    const lookedAt = report.startedAt;
    if (before === undefined) sightings.put({ mapping: name, place, root, namespaceId, filter, lookedAt });
    prune(report.result);
    return report;
  }

  function prune({ written, removed }: RoundResult): void {
    const now = clock.monotonic();
    if (written + removed === 0 && prunedAt !== undefined && now - prunedAt < PRUNE_INTERVAL_MS) return;
    prunedAt = now;
    trash.prune(name, mapping.trash, clock.now());
  }

  /** What a round over some keys can be about; undefined: a look at all is due, or is cheaper. */
  async function dirtyKeys(
    { pair, before, circumstances }: Situation,
    paths: readonly string[],
  ): Promise<DirtyKeys | undefined> {
    const isPossible = pair.source.lookup !== undefined && before !== undefined && isAsBefore(circumstances);
    if (!isPossible || holds.get(name) !== undefined) return undefined;
    const base = openBase(journal, pair.identity);
    const { folder: root, names, prefix } = mapping;
    const found = await findDirtyKeys(paths, { root, names, prefix, mayContain: keyFilter.mayContain, base });
    if (found === undefined) return undefined;
    return costByKey(found.keys, base) > 1 + base.count() / LIST_PAGE_KEYS_MAX ? undefined : found;
  }

  return {
    full: (call) => attempt(call, (situation) => look(situation, call)),
    dirty: (paths, call) =>
      attempt(call, async (situation) => {
        const some = await dirtyKeys(situation, paths);
        if (some === undefined) return look(situation, call);
        const { report, needsLook } = await round(situation, call, some);
        if (needsLook) return look(situation, call);
        prune(report.result);
        return report;
      }),
    scrub: async (signal) => {
      const opened = opener.opened();
      const namespaceId = opened?.mapping.namespace?.id;
      if (opened === undefined || namespaceId === undefined || !mapping.stamp) return undefined;
      const { api } = opened.account;
      const { prefix } = mapping;
      const remote = openNamespaceReplica({ clock, api, namespaceId, label: name, prefix, priority: "scrub" });
      const base = openBase(journal, opened.mapping.pair("push").identity);
      const step = await scrubStep({ clock, remote, base, after: scrubs.get(name), signal });
      scrubs.put(name, step.after);
      return step;
    },
    hold: () => holds.get(name),
    approve: (plan) => holds.approve(name, plan),
    close: () => opener.close(),
  };
}

/** The requests that a round over `keys` takes, and a look at everything does not: what such a look learns from a listing is
 * asked for key by key. Each binary value costs one of its own, since a bulk get cannot carry it and a single read tells
 * neither metadata nor expiration. */
function costByKey(keys: readonly Key[], base: BaseStore): number {
  const binary = base.lookup(keys).filter((row) => !("gone" in row) && row.binary === true).length;
  return (keys.length - binary) / BULK_GET_KEYS_MAX + binary;
}

function plannedOf(plan: Plan, { rootChanged }: Circumstances): Parameters<typeof judgePlan>[0] {
  // Counted only where it matters: it goes through the whole plan.
  return { writes: plan.writes, removes: plan.removes, replaces: rootChanged ? countReplaces(plan) : 0 };
}

function countReplaces(plan: Plan): number {
  let replaces = 0;
  for (const list of ["write:source", "write:destination"] as const) {
    for (const page of plan.pages(list)) replaces += page.filter((action) => action.replaces !== undefined).length;
  }
  return replaces;
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
    onPlan: (plan, sides) => {
      log.onPlan(plan);
      return events?.onPlan?.(plan, sides);
    },
    onWaiting: (key) => events?.onWaiting?.(key),
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
