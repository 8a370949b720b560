// What tests of the daemon are made of: a mapping as the config would give it, rounds that do what a test says, and a
// watcher that a test speaks for.

import type { AccountConfig, MappingConfig } from "../../src/config/config.ts";
import type { Clock } from "../../src/core/clock.ts";
import { AppError } from "../../src/core/errors.ts";
import { NONE_ALIKE } from "../../src/core/names/alike-names.ts";
import type { Problem } from "../../src/core/problem.ts";
import type { Hold } from "../../src/journal/holds.ts";
import type { RoundResult } from "../../src/engine/round-request.ts";
import type { Looked } from "../../src/mapping/local-look.ts";
import type { Key } from "../../src/core/key.ts";
import type { MappingRounds, Remote, RoundCall, RoundReport } from "../../src/mapping/round-port.ts";
import { everything, NO_PROBLEMS, standingAfter, type StandingProblems } from "../../src/mapping/standing-problems.ts";
import type { RestingFile } from "../../src/replica/moving-files.ts";
import type { WatchEvents, Watcher } from "../../src/daemon/watch/watcher.ts";

export function mappingOf(overrides: Partial<MappingConfig> = {}): MappingConfig {
  return {
    name: "app",
    folder: "/nowhere/app",
    namespace: "app",
    prefix: "",
    account: "local",
    mode: "two-way",
    delete: "owned",
    conflict: "keep-both",
    create: true,
    names: "posix",
    trustStamps: false,
    stamp: true,
    include: [],
    exclude: [],
    excludeDefaults: true,
    rules: [],
    maxDelete: { share: 0.25 },
    maxOverwrite: "not-all",
    rootSwaps: "hold",
    removeAfterMs: 0,
    trash: { keepMs: 86_400_000, maxBytes: 1_000_000 },
    settleWindowMs: 60_000,
    // Tests change files and look at once, by clocks that do not pass by themselves.
    quietMs: 0,
    stableAfterMs: 0,
    stableMaxMs: 60_000,
    symlinks: "skip",
    pollIntervalMs: 60_000,
    rescanIntervalMs: 3_600_000,
    watch: "auto",
    watchIntervalMs: 10_000,
    onChange: undefined,
    onHold: undefined,
    onConflict: undefined,
    ...overrides,
  };
}

export function accountOf(overrides: Partial<AccountConfig> = {}): AccountConfig {
  return {
    name: "local",
    endpoint: { kind: "embedded" },
    accountId: "testaccount",
    credentials: { kind: "none" },
    budget: { requests: Number.POSITIVE_INFINITY, windowMs: 300_000, share: 1, pollShare: 0.5 },
    concurrency: undefined,
    ...overrides,
  };
}

export const NOTHING_DONE: RoundResult = {
  written: 0,
  removed: 0,
  unchanged: 0,
  skipped: 0,
  conflicts: 0,
  failed: 0,
  unknown: 0,
  outdated: 0,
  unsettled: 0,
  removesLater: 0,
  removesLaterAt: undefined,
  lagging: 0,
  unseen: 0,
  bytes: 0,
  trip: undefined,
  held: 0,
};

/** What a scripted round ends with: a report that differs from "nothing to do" in this, or an error. `moving`: the files that it
 * found not at rest; none unless given. */
export type Script = (Partial<RoundReport> & { readonly moving?: readonly RestingFile[] }) | Error;

export interface ScriptedRounds extends MappingRounds {
  /** Each round that began: "full", or the dirty paths; and when. */
  readonly calls: { readonly what: "full" | readonly string[]; readonly at: number; readonly call: RoundCall }[];
  /** Where the remote is; undefined: nobody is told of it. */
  remote: Remote | undefined;
  /** Whether the first round may be one over what the feed told alone. */
  mayGoOn: boolean;
  kept: string | undefined;
  /** Called when a round has looked. */
  onLooked: () => void;
  /** What the next rounds do, in order; afterwards all do nothing. */
  readonly script: Script[];
  /** What the next looks at the files find, in order; afterwards that all is the same. */
  readonly looked: (Looked | Error)[];
  looks: number;
  /** Rounds and looks take this long. */
  durationMs: number;
  held: Hold | undefined;
  moving: readonly RestingFile[];
  /** Whether a file that was being written is so when the folder is looked at once more. */
  stillMoving: (key: string) => boolean;
  isClosed: boolean;
  /** The most that ran at once. */
  atOnce: number;
}

export function scriptedRounds(clock: Clock): ScriptedRounds {
  let running = 0;
  const rounds: ScriptedRounds = {
    calls: [],
    script: [],
    durationMs: 0,
    held: undefined,
    moving: [],
    isClosed: false,
    atOnce: 0,
    full: (call) => run("full", call),
    dirty: (paths, call) => run(paths, call),
    changed: (keys, call) => run(["changed", ...keys], call),
    goOn: async (call, isFollowed) => {
      await reach(call);
      return rounds.mayGoOn && isFollowed() ? run(["go on"], call) : undefined;
    },
    remote: undefined,
    mayGoOn: true,
    kept: undefined,
    onLooked: () => {},
    keyOf: (name) => (name.startsWith("excluded") ? undefined : (name as Key)),
    cursor: () => rounds.kept,
    keepCursor: (cursor) => {
      rounds.kept = cursor;
    },
    looked: [],
    looks: 0,
    look: async (signal) => {
      rounds.looks++;
      const found = rounds.looked.shift() ?? { kind: "same" };
      await clock.sleep(rounds.durationMs, signal);
      if (found instanceof Error) throw found;
      return found;
    },
    scrub: async () => undefined,
    resting: () => rounds.moving,
    rested: async (keys) => keys.filter((key) => !rounds.stillMoving(key)),
    stillMoving: () => false,
    hold: () => rounds.held,
    conflicts: async () => ({ conflicts: [], more: 0 }),
    conflict: async ({ key }) => {
      throw new AppError("usage", `${key} is in no conflict`);
    },
    resolve: async (choice, call) => {
      const report = await run([choice.key], call);
      return { resolved: { mapping: "app", key: choice.key, keep: choice.keep, done: "done" }, report, paths: [] };
    },
    approve: (plan) => {
      if (rounds.held?.plan !== plan) return false;
      rounds.held = { ...rounds.held, approved: true };
      return true;
    },
    close: async () => {
      rounds.isClosed = true;
    },
  };

  async function reach({ onReached }: RoundCall): Promise<void> {
    if (rounds.remote !== undefined) await onReached?.(rounds.remote);
  }

  async function run(what: "full" | readonly string[], call: RoundCall): Promise<RoundReport> {
    await reach(call);
    const startedAt = clock.now();
    rounds.calls.push({ what, at: startedAt, call });
    const script = rounds.script.shift() ?? {};
    rounds.atOnce = Math.max(rounds.atOnce, ++running);
    try {
      if (rounds.durationMs > 0) await clock.sleep(rounds.durationMs, call.signal);
      rounds.onLooked();
      if (script instanceof Error) throw script;
      rounds.held = script.hold;
      rounds.moving = script.moving ?? [];
      return reportOf({ startedAt, isFull: what === "full", ...script });
    } finally {
      running--;
    }
  }
  return rounds;
}

export function reportOf(report: Partial<RoundReport>): RoundReport {
  return {
    result: NOTHING_DONE,
    startedAt: 0 as RoundReport["startedAt"],
    durationMs: 0,
    hold: undefined,
    foretold: undefined,
    isFull: true,
    problems: [],
    standing: standingOf(report.problems ?? []),
    transient: 0,
    removesLater: null,
    readRequests: 1,
    waitingConflicts: 0,
    changes: [],
    moreChanges: 0,
    alike: NONE_ALIKE,
    newlyAlike: [],
    namespace: undefined,
    ...report,
  };
}

/** As they stand after a round that met them. */
export function standingOf(problems: readonly Problem[]): StandingProblems {
  return standingAfter(NO_PROBLEMS, { kept: problems, more: 0, covers: everything }, 0 as RoundReport["startedAt"]);
}

export function holdOf(plan: string, clock: Clock): Hold {
  const reason = JSON.stringify({ guard: "max-delete", removes: 50, allowed: 10 });
  return { mapping: "app", plan, reason, writes: 0, removes: 50, since: clock.now(), approved: false };
}

/** A watcher whose events a test makes. */
export interface SpokenWatcher {
  readonly open: (events: WatchEvents) => Promise<Watcher>;
  readonly events: () => WatchEvents;
  readonly refreshes: () => number;
  readonly caughtUps: () => number;
  readonly isClosed: () => boolean;
}

export function spokenWatcher(): SpokenWatcher {
  let events: WatchEvents | undefined;
  let refreshes = 0;
  let caughtUps = 0;
  let isClosed = false;
  return {
    open: async (given) => {
      events = given;
      return {
        state: () => ({ kind: "watching", folders: 1, unreadable: 0, alsoPolling: undefined }),
        refresh: async () => {
          refreshes++;
        },
        caughtUp: () => {
          caughtUps++;
        },
        close: async () => {
          isClosed = true;
        },
      };
    },
    events: () => {
      if (events === undefined) throw new Error("the watcher has not been opened");
      return events;
    },
    refreshes: () => refreshes,
    caughtUps: () => caughtUps,
    isClosed: () => isClosed,
  };
}

/** What a promise ended with. */
export async function outcomeOf<T>(promise: Promise<T>): Promise<T | AppError> {
  return promise.catch((error: unknown) => error as AppError);
}
