// The rounds of one mapping, for the daemon's loops and for single commands alike: opens its folder and namespace, runs rounds
// over all keys or over some, and keeps what must be known the next time.

import type { Config, MappingConfig } from "../config/config.ts";
import type { DurationMs } from "../core/clock.ts";
import type { AppError } from "../core/errors.ts";
import { compileFilter } from "../core/filter.ts";
import type { Key } from "../core/key.ts";
import { encodeKey } from "../core/names/path-codec.ts";
import { BULK_GET_KEYS_MAX, LIST_PAGE_KEYS_MAX } from "../core/limits.ts";
import type { BaseStore } from "../engine/ports.ts";
import { openBase } from "../journal/base.ts";
import { baseWithFilter } from "../journal/base-with-filter.ts";
import { operationErrorOf } from "../journal/operation-error.ts";
import { openScrubs } from "../journal/scrubs.ts";
import { MovingFiles } from "../replica/moving-files.ts";
import { openNamespaceReplica } from "../replica/namespace/namespace-replica.ts";
import { openLinkIndex } from "../replica/tree/links/link-index.ts";
import { checkNeighbours } from "./check-neighbours.ts";
import { openConflictRounds } from "./conflicts/conflict-rounds.ts";
import { type DirtyKeys, findDirtyKeys } from "./dirty-keys.ts";
import { findRested } from "./rested-keys.ts";
import { explained } from "./explain-failure.ts";
import { markRoot } from "../replica/tree/tree-root.ts";
import { lookAgainIn } from "./root-swap.ts";
import { type Looked, openLocalLook } from "./local-look.ts";
import type { OpenMapping } from "./open-mapping.ts";
import { circumstancesOf, findRoot, isAsBefore, placeOf } from "./mapping-facts.ts";
import { findLinkedPaths } from "./linked-paths.ts";
import { type MappingMemory, openMappingMemory } from "./mapping-memory.ts";
import { type MappingOpener, openMappingOpener, type Opened } from "./mapping-opener.ts";
import { type OneRound, runOneRound, type Situation } from "./one-round.ts";
import type { PairDeps } from "./pair.ts";
import { openRemoteRounds } from "./remote-rounds.ts";
import type { AccountsPort, MappingRounds, RoundCall, RoundReport } from "./round-port.ts";
import { type ScrubStep, scrubStep } from "./scrub-step.ts";
import { lookedAt, NO_PROBLEMS } from "./standing-problems.ts";

export interface MappingRoundsDeps extends PairDeps {
  readonly mapping: MappingConfig;
  readonly accounts: AccountsPort;
  /** What the config says now: other mappings are not to be about the same files or keys. */
  readonly config?: (() => Config) | undefined;
  /** Tells the spools of mappings whose rounds run at the same time apart. */
  readonly spool: number;
}

export function openMappingRounds(deps: MappingRoundsDeps): MappingRounds {
  const { journal, mapping } = deps;
  const { name } = mapping;
  const memory = openMappingMemory(deps);
  const linkIndex = openLinkIndex();
  const opener = openMappingOpener({ ...deps, linkIndex });
  const attempt = openAttempts({ ...deps, memory, opener });
  const keyFilter = compileFilter(mapping);
  const moving = new MovingFiles(deps.clock);
  const lookAtFiles = openLocalLook();
  let standing = NO_PROBLEMS;
  const run = async (situation: Situation, round: OneRound): ReturnType<typeof runOneRound> => {
    const judged = await runOneRound({ ...deps, memory, moving }, situation, round);
    standing = judged.report.standing;
    return judged;
  };

  async function runFull(situation: Situation, call: RoundCall): Promise<RoundReport> {
    const first = await run(situation, { call });
    const { report, isApproved } = first.needsExact ? await run(situation, { call, isExact: true }) : first;
    if (call.dryRun === true) return report;
    if (call.follow !== undefined) return followed(situation, report);
    if (report.hold !== undefined) {
      // The same plan stays as it is: an approval that came meanwhile is for the next round.
      if (memory.holds.get(name)?.plan !== report.hold.plan) memory.holds.put(report.hold);
      return { ...report, hold: memory.holds.get(name) };
    }
    const isAccepted = call.force === true || memory.holds.get(name)?.approved === true;
    // That it was approved was told before anything was applied.
    if (memory.holds.lift(name) && !isApproved)
      memory.tell("lifted", call.force === true ? "a person let it pass with --force" : "what it was held for is gone");
    const { place, root, mapping: open, circumstances } = situation;
    // What follows from a change of folder, namespace or filters is not known before all keys could be judged: until then
    // what follows is to be held for it, unless a person has let it pass.
    if (isAsBefore(circumstances) || report.result.unseen === 0 || isAccepted) {
      // A pull has made its folder by now.
      const seen = root ?? findRoot(mapping, undefined);
      memory.see({ place, root: seen, namespaceId: open.namespace?.id, lookedAt: report.startedAt });
    }
    memory.prune(report.result);
    return report;
  }

  /** Over the keys of `some`, where that is enough. */
  async function runSome(situation: Situation, call: RoundCall, some: DirtyKeys | undefined): Promise<RoundReport> {
    if (some === undefined) return runFull(situation, call);
    const { report, needsFullRound } = await run(situation, { call, some });
    if (needsFullRound) return runFull(situation, call);
    memory.prune(report.result);
    return report;
  }

  /** A plan that was followed is no look at everything: what a change of folder or namespace means is left to the next one. */
  function followed({ place, before, root, mapping: open }: Situation, report: RoundReport): RoundReport {
    const namespaceId = open.namespace?.id;
    if (before === undefined) memory.see({ place, root, namespaceId, lookedAt: report.startedAt });
    memory.prune(report.result);
    return report;
  }

  /** What a round over some keys can be about; undefined: a look at all is due, or is cheaper. */
  function dirtyKeys({ pair, before, circumstances }: Situation, paths: readonly string[]): DirtyKeys | undefined {
    const isPossible = pair.source.lookup !== undefined && before !== undefined && isAsBefore(circumstances);
    if (!isPossible || memory.holds.before(name) !== undefined) return undefined;
    const base = openBase(journal, pair.identity);
    const { folder: root, names, prefix } = mapping;
    const followsLinks = mapping.symlinks !== "skip";
    const all = followsLinks ? findLinkedPaths(paths, linkIndex.links()) : paths;
    if (all === undefined) return undefined;
    const { mayContain } = keyFilter;
    const found = findDirtyKeys(all, { root, names, prefix, mayContain, base, followsLinks });
    if (found === undefined) return undefined;
    return costByKey(found.keys, base) > 1 + base.count() / LIST_PAGE_KEYS_MAX ? undefined : found;
  }

  function look(opened: OpenMapping, signal: AbortSignal): Promise<Looked> {
    const { source: tree, identity, isManaged } = opened.pair("push");
    const all = openBase(journal, identity);
    const base = isManaged === undefined ? all : baseWithFilter(all, isManaged);
    const { names, mode } = mapping;
    return lookAtFiles({ tree, base, names, standing, now: deps.clock.now(), trustsTimes: mode === "pull", signal });
  }

  const conflicts = openConflictRounds({
    ...deps,
    memory,
    moving,
    roundOver: overKey({ mapping, memory, attempt, run }),
  });

  return {
    ...conflicts,
    ...openRemoteRounds({ ...deps, memory, opener, attempt, run, runSome, look }),
    full: (call) => attempt(call, (situation) => runFull(situation, call), { isFull: true }),
    dirty: (paths, call) => attempt(call, (situation) => runSome(situation, call, dirtyKeys(situation, paths))),
    look: async (signal) => {
      const opened = opener.opened()?.mapping;
      // A round is due before a look then, and sees everything.
      return opened === undefined ? NOT_LOOKED_AT : look(opened, signal);
    },
    scrub: (signal) => scrub(deps, opener.opened(), signal),
    hold: () => memory.holds.get(name),
    resting: () => moving.resting(),
    rested: (keys, signal) => findRested(keys, { ...deps, opener, moving }, signal),
    approve: (plan) => memory.holds.approve(name, plan),
    close: () => opener.close(),
  };
}

const NOT_LOOKED_AT: Looked = { kind: "rescan", reason: "the folder was not looked at yet" };

/** One round over a key that a person decides about. Undefined: a look at all keys comes first, or a guard would hold it. */
function overKey({
  mapping,
  memory,
  attempt,
  run,
}: {
  readonly mapping: MappingConfig;
  readonly memory: MappingMemory;
  readonly attempt: Attempt;
  readonly run: (situation: Situation, round: OneRound) => ReturnType<typeof runOneRound>;
}): (key: Key, call: RoundCall) => Promise<RoundReport | undefined> {
  return async (key, call) => {
    const { report } = await attempt(call, async (situation) => {
      const { before, circumstances } = situation;
      if (before === undefined || !isAsBefore(circumstances)) return { report: undefined };
      const covers = lookedAt([key], [encodeKey(key, mapping.names)]);
      const judged = await run(situation, { call, some: { keys: [key], problems: [], covers } });
      memory.prune(judged.report.result);
      return { report: judged.needsFullRound ? undefined : judged.report };
    });
    return report;
  };
}

/** After these a namespace or folder is looked up again before the next round. */
const OPEN_ANEW: ReadonlySet<AppError["code"]> = new Set([
  "unauthorized",
  "namespace-not-found",
  "root-missing",
  "interrupted",
]);

type Attempt = <T extends object>(
  call: RoundCall,
  work: (situation: Situation) => Promise<T>,
  over?: { readonly isFull: boolean },
) => Promise<T>;

/** Finds out where things stand, does the work, and notes why it failed if it did: once for failures of a kind in a row. */
function openAttempts(
  deps: MappingRoundsDeps & { readonly memory: MappingMemory; readonly opener: MappingOpener },
): Attempt {
  const { mapping, accounts, memory, opener } = deps;
  let failedWith: string | undefined;
  /** What was found to fight with no other mapping. */
  let checked: Opened | undefined;

  /** A duration: to be tried again after it. */
  async function attempt<T extends object>(
    call: RoundCall,
    work: (situation: Situation) => Promise<T>,
    { looks, isFull }: { readonly looks: number; readonly isFull: boolean },
  ): Promise<T | DurationMs> {
    deps.checkState?.();
    const account = await accounts.open(mapping.account);
    const place = placeOf(mapping, account.config);
    const before = memory.seenAt(place);
    memory.outcome.at(place);
    try {
      const rootMark = markRoot(mapping.folder);
      // Before any request is spent: a folder that is missing is missing whatever the namespace holds.
      const root = findRoot(mapping, before);
      const look = call.dryRun === true;
      const lookUp = !isFull || looks > 0 ? "never" : call.isAsked === true ? "now" : "if-long-ago";
      const opened = await opener.open({ account, root, before, look, lookUp, signal: call.signal });
      const { namespace } = opened.mapping;
      if (checked !== opened) {
        const { facts } = memory;
        checkNeighbours(mapping, account.config, namespace, { ...deps, facts, config: deps.config?.() });
        checked = opened;
      }
      call.onOpened?.(namespace);
      if (namespace !== undefined) await call.onReached?.({ api: opened.account.api, namespaceId: namespace.id });
      const pair = opened.mapping.pair(mapping.mode === "pull" ? "pull" : "push");
      const circumstances = circumstancesOf(before, { root, namespaceId: namespace?.id, filter: memory.filter });
      const report = await work({ ...opened, place, rootMark, before, pair, circumstances });
      failedWith = undefined;
      return report;
    } catch (thrown) {
      const failure = operationErrorOf(thrown);
      if (failure === undefined) throw thrown;
      const error = explained(failure, mapping, before);
      // A saved plan can be read once.
      const isLast = call.signal.aborted || call.follow !== undefined;
      const waitMs = isLast ? undefined : lookAgainIn(error, { looks, rootSwaps: mapping.rootSwaps });
      if (waitMs !== undefined) return waitMs;
      if (OPEN_ANEW.has(error.code)) await opener.close();
      if (error.code === "unauthorized") await accounts.renew(account);
      const isNew = !call.signal.aborted && failedWith !== error.code;
      if (isNew && error.code !== "state-damaged") memory.noteFailure(error);
      failedWith = error.code;
      throw error;
    } finally {
      if (call.dryRun === true) await opener.close();
    }
  }

  return async (call, work, { isFull } = { isFull: false }) => {
    const once = toldOnce(call);
    for (let looks = 0; ; looks++) {
      const tried = await attempt(once, work, { looks, isFull });
      if (typeof tried !== "number") return tried;
      await deps.clock.sleep(tried, call.signal);
    }
  };
}

/** `call`, whose listener is told of a problem once, however often the round begins anew. */
function toldOnce(call: RoundCall): RoundCall {
  const { events } = call;
  if (events === undefined) return call;
  const told = new Set<string>();
  return {
    ...call,
    events: {
      ...events,
      onProblem: (problem) => {
        const { size } = told;
        if (told.add(`${problem.code} ${problem.subject}`).size > size) events.onProblem(problem);
      },
    },
  };
}

async function scrub(
  { clock, journal, mapping }: MappingRoundsDeps,
  opened: Opened | undefined,
  signal: AbortSignal,
): Promise<ScrubStep | undefined> {
  const namespaceId = opened?.mapping.namespace?.id;
  if (opened === undefined || namespaceId === undefined || !mapping.stamp) return undefined;
  const { api } = opened.account;
  const { name, prefix } = mapping;
  const remote = openNamespaceReplica({ clock, api, namespaceId, label: name, prefix, priority: "scrub" });
  const base = openBase(journal, opened.mapping.pair("push").identity);
  const scrubs = openScrubs(journal);
  const step = await scrubStep({ clock, remote, base, after: scrubs.get(name), signal });
  scrubs.put(name, step.after);
  return step;
}

/** The requests that a round over `keys` takes, and a look at everything does not: what such a look learns from a listing is
 * asked for key by key. Each binary value costs one of its own, since a bulk get cannot carry it and a single read tells
 * neither metadata nor expiration. */
function costByKey(keys: readonly Key[], base: BaseStore): number {
  const binary = base.lookup(keys).filter((row) => !("gone" in row) && row.binary === true).length;
  return (keys.length - binary) / BULK_GET_KEYS_MAX + binary;
}
