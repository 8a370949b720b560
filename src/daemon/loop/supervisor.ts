// The daemon without its surroundings: a loop for each mapping, those that `auto` finds among them, and what can be asked
// of all of them. What it works with comes in as ports, so that a simulation runs the same code.

import { autoMappings } from "../../config/auto-mappings.ts";
import type { Config, MappingConfig } from "../../config/config.ts";
import type { Clock, DurationMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { type PollDemand, pollStretch } from "../../core/poll-interval.ts";
import type { DaemonListener, MappingEvent } from "../daemon-event.ts";
import type { Heartbeats } from "../heartbeats.ts";
import { decodeHoldReason, renderHoldReason } from "../../mapping/hold-reason.ts";
import { type Failure, type MappingLoop, openMappingLoop, ROUND_SILENCE_MS_MAX } from "./mapping-loop.ts";
import { mappingStatus } from "./mapping-status.ts";
import { openRoundGate } from "./round-gate.ts";
import type { MappingRounds, RoundReport } from "../../mapping/round-port.ts";
import { openScrubLoop, type ScrubLoop } from "./scrub-loop.ts";
import type { MappingStatus } from "../../mapping/status.ts";
import type { WatchEvents, Watcher } from "../watch/watcher.ts";

export interface SupervisorDeps {
  readonly clock: Clock;
  readonly config: Config;
  /** Only these of the config's mappings, and none that `auto` finds; empty: all. */
  readonly only?: readonly string[];
  readonly openRounds: (mapping: MappingConfig) => MappingRounds;
  readonly openWatcher: (mapping: MappingConfig, events: WatchEvents) => Promise<Watcher>;
  /** The folders right under a folder; throws if it cannot be read. */
  readonly listFolders: (folder: string) => readonly string[];
  /** Whether requests of an account wait for the budget. */
  readonly isWaiting: (account: string) => boolean;
  readonly heartbeats: Heartbeats;
  readonly onEvent: DaemonListener;
}

export interface LookOutcome {
  readonly mapping: string;
  /** A report, or what it failed with. */
  readonly outcome: RoundReport | AppError;
}

export interface Reloaded {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export interface Supervisor {
  mappings(): readonly MappingStatus[];
  /** Folders under `auto` whose names cannot name a mapping. */
  skippedFolders(): readonly string[];
  /** Looks at all of these mappings, or of all, now. Throws AppError `usage` for a name there is no mapping of. */
  look(names: readonly string[]): Promise<readonly LookOutcome[]>;
  /** Lets the plan that `mapping` is held with run. `plan`: only if it is that one. Throws AppError `usage` if it is not
   * held, or by another plan. Returns the plan's id. */
  approve(mapping: string, plan?: string): Promise<string>;
  /** Goes on with `config`: mappings that are in neither or alike in both are not disturbed. `stale`: accounts that
   * changed, whose mappings start anew. */
  reload(config: Config, stale: ReadonlySet<string>): Promise<Reloaded>;
  /** Resolves when nothing runs any more: what runs may end by itself within `graceMs`, then it is broken off. */
  stop(graceMs: DurationMs): Promise<void>;
  /** Rejects with a bug that ended a loop; never resolves. */
  readonly failed: Promise<never>;
}

/** How soon a folder that appears under `auto` is a mapping. Listing one folder takes well under a millisecond. */
const AUTO_INTERVAL_MS = 2000;

export function openSupervisor(deps: SupervisorDeps): Supervisor {
  const { clock, onEvent } = deps;
  const only = new Set(deps.only);
  const gate = openRoundGate();
  const loops = new Map<string, MappingLoop>();
  const scrubs = new Map<MappingLoop, ScrubLoop>();
  const stopping = new AbortController();
  let config = deps.config;
  let skipped: readonly string[] = [];
  /** Changes of the set of loops, one after the other. */
  let changing: Promise<unknown> = Promise.resolve();
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  // Whoever waits for it is told; nobody has to.
  failed.catch(() => {});

  function start(mapping: MappingConfig): void {
    const rounds = deps.openRounds(mapping);
    const loop = openMappingLoop({
      clock,
      mapping,
      gate,
      rounds,
      openWatcher: (events) => deps.openWatcher(mapping, events),
      pollStretch: () => stretchOf(mapping.account),
      heartbeat: deps.heartbeats.open(mapping.name, ROUND_SILENCE_MS_MAX),
      onEvent: (event: MappingEvent) => onEvent({ ...event, mapping }),
    });
    const scrub = openScrubLoop({
      clock,
      step: (signal) => rounds.scrub(signal),
      onFound: (problems) => onEvent({ kind: "scrubbed", problems, mapping }),
    });
    loops.set(mapping.name, loop);
    scrubs.set(loop, scrub);
    loop.ended.catch(fail);
    scrub.ended.catch(fail);
    onEvent({ kind: "started", mapping });
  }

  async function end(loop: MappingLoop, deadline: Promise<void>): Promise<void> {
    loops.delete(loop.mapping.name);
    await scrubs.get(loop)?.close();
    scrubs.delete(loop);
    await loop.stop(deadline);
    onEvent({ kind: "stopped", mapping: loop.mapping });
  }

  /** How much longer than asked for the polls of an account must be apart. */
  function stretchOf(account: string): number {
    const budget = config.accounts.get(account)?.budget;
    if (budget === undefined) return 1;
    const demands = [...loops.values()].flatMap((loop): PollDemand[] => {
      const { mode, pollIntervalMs: intervalMs } = loop.mapping;
      if (mode === "push" || loop.mapping.account !== account) return [];
      return [{ intervalMs, requests: Math.max(1, loop.looked()?.lookRequests ?? 1) }];
    });
    const { requests, windowMs, share, pollShare } = budget;
    return pollStretch(demands, { requests: requests * share, windowMs, share: pollShare });
  }

  /** What the config says now, with what `auto` finds; undefined: its folder cannot be read, and nothing is concluded. */
  function wanted(): ReadonlyMap<string, MappingConfig> | undefined {
    const { auto } = config;
    const named = new Map([...config.mappings].filter(([name]) => only.size === 0 || only.has(name)));
    if (auto === undefined || only.size > 0) return named;
    let folders: readonly string[];
    try {
      folders = deps.listFolders(auto.root);
    } catch (error) {
      if (typeof (error as NodeJS.ErrnoException).syscall !== "string") throw error;
      return undefined;
    }
    const found = autoMappings(config, folders);
    for (const folder of found.skipped) {
      if (!skipped.includes(folder)) onEvent({ kind: "folder-skipped", folder });
    }
    skipped = found.skipped;
    for (const mapping of found.mappings) named.set(mapping.name, mapping);
    return named;
  }

  /** Makes the loops those that are wanted. */
  async function settle(stale: ReadonlySet<string>): Promise<Reloaded> {
    const mappings = wanted();
    if (mappings === undefined || stopping.signal.aborted) return { added: [], changed: [], removed: [] };
    const removed = [...loops.values()].filter(({ mapping }) => !mappings.has(mapping.name));
    const changed = [...loops.values()].filter(({ mapping }) => {
      const now = mappings.get(mapping.name);
      return now !== undefined && (stale.has(mapping.account) || !sameMapping(now, mapping));
    });
    const added = [...mappings.keys()].filter((name) => !loops.has(name));
    const atOnce = Promise.resolve();
    await Promise.all([...removed, ...changed].map((loop) => end(loop, atOnce)));
    const names = changed.map(({ mapping }) => mapping.name);
    if (!stopping.signal.aborted) for (const name of [...added, ...names]) start(mappings.get(name)!);
    putInOrder([...mappings.keys()]);
    return { added, changed: names, removed: removed.map(({ mapping }) => mapping.name) };
  }

  /** The loops in the order of the config, which is that of the status. */
  function putInOrder(names: readonly string[]): void {
    const ordered = names.flatMap((name) => loops.get(name) ?? []);
    loops.clear();
    for (const loop of ordered) loops.set(loop.mapping.name, loop);
  }

  function change<T>(work: () => Promise<T>): Promise<T> {
    const done = changing.then(work);
    changing = done.catch(() => {});
    return done;
  }

  async function watchAuto(): Promise<void> {
    try {
      for (;;) {
        await clock.sleep(AUTO_INTERVAL_MS, stopping.signal);
        if (config.auto !== undefined && only.size === 0) await change(() => settle(new Set()));
      }
    } catch (error) {
      if (!stopping.signal.aborted) fail(error);
    }
  }

  function find(name: string): MappingLoop {
    const loop = loops.get(name);
    if (loop !== undefined) return loop;
    throw new AppError("usage", `the daemon runs no mapping "${name}"`, {
      hint: loops.size === 0 ? "it runs none" : `it runs ${[...loops.keys()].join(", ")}`,
    });
  }

  change(() => settle(new Set())).catch(fail);
  const watching = watchAuto();

  return {
    mappings: () =>
      [...loops.values()].map((loop) =>
        mappingStatus(loop, deps.isWaiting(loop.mapping.account), scrubs.get(loop)?.problems()),
      ),
    skippedFolders: () => skipped,
    look: async (names) => {
      await changing;
      const chosen = names.length === 0 ? [...loops.values()] : names.map(find);
      return Promise.all(
        chosen.map(async (loop) => ({ mapping: loop.mapping.name, outcome: await outcomeOf(loop.look()) })),
      );
    },
    approve: async (name, plan) => {
      const loop = find(name);
      const { hold, failure } = loop.state();
      if (hold === undefined) throw await notHeld(loop, failure);
      if (!loop.approve(plan ?? hold.plan)) {
        throw new AppError("usage", `mapping "${name}" is held with plan ${hold.plan}, not with ${plan}`, {
          hint: `look at it again with kvsync status and kvsync diff ${name}`,
        });
      }
      // What comes of it is told by the status; a failure is the loop's to see to.
      loop.look().catch(() => {});
      return hold.plan;
    },
    reload: (next, stale) =>
      change(async () => {
        config = next;
        const reloaded = await settle(stale);
        onEvent({ kind: "reloaded", ...reloaded });
        return reloaded;
      }),
    stop: async (graceMs) => {
      stopping.abort();
      const over = new AbortController();
      const deadline = clock.sleep(graceMs, over.signal);
      deadline.catch(() => {});
      await changing;
      const ends = await Promise.allSettled([...loops.values()].map((loop) => end(loop, deadline)));
      over.abort();
      await watching;
      for (const ended of ends) if (ended.status === "rejected") throw ended.reason;
    },
    failed,
  };
}

/** Why there is nothing to approve. A mapping that fails is looked at first: what was just put right may make it a held one,
 * whose plan nobody has seen yet. */
async function notHeld(loop: MappingLoop, failure: Failure | undefined): Promise<AppError> {
  const { name } = loop.mapping;
  const nothing = `mapping "${name}" is not held: there is nothing to approve`;
  if (failure === undefined) return new AppError("usage", nothing);
  const outcome = await outcomeOf(loop.look());
  if (outcome instanceof AppError)
    return new AppError(
      "usage",
      `${nothing}. It fails: ${outcome.message}`,
      outcome.hint === undefined ? {} : { hint: outcome.hint },
    );
  if (outcome.hold === undefined) return new AppError("usage", `${nothing}. It works again`);
  const { plan, writes, removes, reason } = outcome.hold;
  const what = `${renderHoldReason(decodeHoldReason(reason))} (${writes} to write, ${removes} to remove)`;
  return new AppError("held", `mapping "${name}" is held only now, with plan ${plan}: ${what}`, {
    hint: `look with kvsync diff ${name}; kvsync approve ${name} again lets it run`,
  });
}

async function outcomeOf(look: Promise<RoundReport>): Promise<RoundReport | AppError> {
  try {
    return await look;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

function sameMapping(a: MappingConfig, b: MappingConfig): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
