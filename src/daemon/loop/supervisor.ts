// The daemon without its surroundings: a loop for each mapping, those that `auto` finds among them, and what can be asked
// of all of them. What it works with comes in as ports, so that a simulation runs the same code.

import type { Config } from "../../config/config.ts";
import type { DurationMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { decodeHoldReason, renderHoldReason } from "../../mapping/hold-reason.ts";
import type { RoundReport } from "../../mapping/round-port.ts";
import { pausedError, pausedStatus } from "../../mapping/paused.ts";
import type { MappingStatus, PausedStatus } from "../../mapping/status.ts";
import { type LoopSetDeps, openLoopSet, type Reloaded } from "./loop-set.ts";
import { type ConflictAnswers, openConflictAnswers } from "./conflict-answers.ts";
import type { LoopView, MappingLoop } from "./loop-port.ts";
import { mappingStatus } from "./mapping-status.ts";
import { heldWithOther, openPausing, type Pausing } from "./pausing.ts";

export interface SupervisorDeps extends LoopSetDeps {
  readonly config: Config;
  /** Whether requests of an account wait for the budget. */
  readonly isWaiting: (account: string) => boolean;
}

export interface SyncOutcome {
  readonly mapping: string;
  /** A report, or what it failed with; or why it was left out. */
  readonly outcome: RoundReport | AppError | PausedStatus;
}

export interface Supervisor extends Pausing, ConflictAnswers {
  mappings(): readonly MappingStatus[];
  /** Folders under `auto` whose names cannot name a mapping. */
  skippedFolders(): readonly string[];
  /** Looks at all of these mappings, or of all, now. Throws AppError `usage` for a name there is no mapping of, `paused` for that of one
   * that is paused; of all, those that are paused are left out. */
  sync(names: readonly string[]): Promise<readonly SyncOutcome[]>;
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
  const { clock, onEvent, only = [] } = deps;
  const stopping = new AbortController();
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  // Whoever waits for it is told; nobody has to.
  failed.catch(() => {});
  const loops = openLoopSet({ ...deps, signal: stopping.signal, onBug: fail });
  const among = { loops, find, ready: () => changing };
  const pausing = openPausing({ ...deps, ...among });
  const conflicts = openConflictAnswers(among);
  let config = deps.config;
  /** Changes of the set of loops, one after the other. */
  let changing: Promise<unknown> = Promise.resolve();

  function change<T>(work: () => Promise<T>): Promise<T> {
    const done = changing.then(work);
    changing = done.catch(() => {});
    return done;
  }

  async function watchAuto(): Promise<void> {
    try {
      for (;;) {
        await clock.sleep(AUTO_INTERVAL_MS, stopping.signal);
        if (config.auto !== undefined && only.length === 0) await change(() => loops.follow(config, NOBODY));
      }
    } catch (error) {
      if (!stopping.signal.aborted) fail(error);
    }
  }

  function find(name: string): MappingLoop {
    const loop = loops.get(name);
    if (loop !== undefined) return loop;
    const names = loops.all().map(({ mapping }) => mapping.name);
    throw new AppError("usage", `the daemon runs no mapping "${name}"`, {
      hint: names.length === 0 ? "it runs none" : `it runs ${names.join(", ")}`,
    });
  }

  change(() => loops.follow(config, NOBODY)).catch(fail);
  const watching = watchAuto();

  return {
    mappings: () =>
      loops
        .all()
        .map((loop) => mappingStatus(loop, deps.isWaiting(loop.mapping.account), loops.scrubOf(loop)?.problems())),
    skippedFolders: () => loops.skipped(),
    sync: async (names) => {
      await changing;
      const chosen = names.length === 0 ? loops.all() : names.map(find);
      const paused = chosen.map(({ mapping }) => deps.pauses.get(mapping.name));
      const refused = paused.find((pause) => pause !== undefined);
      if (names.length > 0 && refused !== undefined) throw pausedError(refused);
      return Promise.all(
        chosen.map(async (loop, index) => {
          const pause = paused[index];
          const outcome = pause === undefined ? await outcomeOf(loop.sync()) : pausedStatus(pause);
          return { mapping: loop.mapping.name, outcome };
        }),
      );
    },
    approve: async (name, plan) => approve(find(name), plan),
    ...pausing,
    ...conflicts,
    reload: (next, stale) =>
      change(async () => {
        config = next;
        const reloaded = await loops.follow(config, stale);
        onEvent({ kind: "reloaded", ...reloaded });
        return reloaded;
      }),
    stop: async (graceMs) => {
      stopping.abort();
      const over = new AbortController();
      const deadline = clock.sleep(graceMs, over.signal);
      deadline.catch(() => {});
      await changing;
      const ends = await Promise.allSettled(loops.all().map((loop) => loops.end(loop, deadline)));
      over.abort();
      await watching;
      for (const ended of ends) if (ended.status === "rejected") throw ended.reason;
    },
    failed,
  };
}

/** No account whose mappings must start anew. */
const NOBODY: ReadonlySet<string> = new Set();

async function approve(loop: MappingLoop, plan: string | undefined): Promise<string> {
  const { hold, failure } = loop.state();
  if (hold === undefined) throw await notHeld(loop, failure);
  if (!loop.approve(plan ?? hold.plan)) throw heldWithOther(loop, plan ?? hold.plan);
  // What comes of it is told by the status; a failure is the loop's to see to.
  loop.sync().catch(() => {});
  return hold.plan;
}

/** Why there is nothing to approve. A mapping that fails is looked at first: what was just put right may make it a held one,
 * whose plan nobody has seen yet. */
async function notHeld(loop: MappingLoop, failure: LoopView["failure"]): Promise<AppError> {
  const { name } = loop.mapping;
  const nothing = `mapping "${name}" is not held: there is nothing to approve`;
  if (failure === undefined || loop.isPaused()) return new AppError("usage", nothing);
  const outcome = await outcomeOf(loop.sync());
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
    hint: `look with kvsync diff ${name}; kvsync approve ${name} --plan ${plan} lets it run`,
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
