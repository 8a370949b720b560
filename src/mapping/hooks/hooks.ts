// The hooks of one mapping: programs of the user's that run after files or keys changed (`on_change`), when the mapping is
// held (`on_hold`) and when both sides changed a key (`on_conflict`).
//
// A program gets, in the folder of the mapping:
//   KVSYNC_MAPPING   the mapping's name
//   KVSYNC_EVENT     change, hold or conflict
//   KVSYNC_COUNT     how many keys it is about
//   KVSYNC_MORE      how many of them are not on stdin, since there were too many; mostly 0
//   stdin            a line of JSON for each key: {"key":"a.json","side":"local","event":"added"}, and {"key":"a.json"} for
//                    a conflict; for a hold one line: {"plan":"0123456789","reason":"...","writes":0,"removes":320}
// Keys are never on the command line or in the environment: they are other people's text.
//
// Told at least once: a run that failed is repeated with what it was told, so a key can come again. What is pending when
// the process is killed is not told.

import pLimit, { type LimitFunction } from "p-limit";
import type { HookConfig } from "../../config/config.ts";
import type { Secret } from "../../config/secret.ts";
import type { Clock, DurationMs } from "../../core/clock.ts";
import type { HookLog } from "./hook-log.ts";
import { type Environment, hookEnvironment } from "./hook-environment.ts";
import { type HookFailure, type HookQueue, openHookQueue } from "./hook-queue.ts";
import { type HookBatch } from "./hook-news.ts";
import { runHook } from "./run-hook.ts";

/** Hooks of all mappings together that run at a time, where they share a limit: `pLimit(HOOKS_AT_ONCE_MAX)`. A config
 * with a thousand mappings and one `on_change` for all must not start a thousand programs. */
export const HOOKS_AT_ONCE_MAX = 4;
/** How long closing waits for programs, unless told otherwise; then they have 5 s more to end. */
const CLOSE_DEADLINE_MS: DurationMs = 10_000;

export interface HooksOptions {
  readonly clock: Clock;
  /** Of this mapping. */
  readonly log: HookLog;
  readonly hooks: {
    readonly onChange?: HookConfig | undefined;
    readonly onHold?: HookConfig | undefined;
    readonly onConflict?: HookConfig | undefined;
  };
  /** The mapping's name. */
  readonly mapping: string;
  /** Where programs run: the mapping's folder. */
  readonly folder: string;
  /** The daemon's own; programs get it without secrets. */
  readonly env: Environment;
  /** Secrets that `env` may hold under any name: those of the config that were written as `${NAME}`. Asked for at each run: what is one may
   * change with the config. */
  readonly secrets?: () => readonly Secret[];
  /** Shared by the hooks of all mappings. */
  readonly limit?: LimitFunction;
}

/** A key that a round changed, and on which side. */
export interface ChangedKey {
  readonly key: string;
  readonly side: "local" | "remote";
  readonly event: "added" | "changed" | "removed" | "conflict";
}

/** A plan that waits for a person. */
export interface HeldPlan {
  readonly plan: string;
  /** For people. */
  readonly reason: string;
  readonly writes: number;
  readonly removes: number;
}

/** The methods return at once; programs run later, and their failures are logged and retried. */
export interface Hooks {
  /** `more`: keys that changed besides, too many to be listed. */
  changed(changes: Iterable<ChangedKey>, more?: number): void;
  /** To be called when a hold begins or its plan is another one, not in each round. */
  held(hold: HeldPlan): void;
  conflicted(keys: Iterable<string>, more?: number): void;
  /** Hooks whose last run failed, by their name in the config, for the status. */
  failures(): ReadonlyMap<HookName, HookFailure>;
  /** Runs what is pending, waits for programs up to `deadlineMs`, or until `signal` is aborted, then ends them. */
  close(deadlineMs?: DurationMs, signal?: AbortSignal): Promise<void>;
}

type HookName = "on_change" | "on_hold" | "on_conflict";

const EVENTS: Readonly<Record<HookName, string>> = { on_change: "change", on_hold: "hold", on_conflict: "conflict" };

export function openHooks(options: HooksOptions): Hooks {
  const { hooks, limit = pLimit(HOOKS_AT_ONCE_MAX) } = options;
  const env = (): Record<string, string> => hookEnvironment(options.env, options.secrets?.() ?? []);
  const queues = new Map<HookName, HookQueue>();
  const open = (name: HookName, config: HookConfig | undefined, countOf: (batch: HookBatch) => number): void => {
    if (config !== undefined) queues.set(name, openQueue({ name, config, countOf, env, limit }, options));
  };
  let heldKeys = 0;
  open("on_change", hooks.onChange, keysOf);
  open("on_hold", hooks.onHold, () => heldKeys);
  open("on_conflict", hooks.onConflict, keysOf);
  return {
    changed: (changes, more = 0) => queues.get("on_change")?.add(linesOf(changes), more),
    held: ({ plan, reason, writes, removes }) => {
      heldKeys = writes + removes;
      // One line, whatever came before: only the last plan can be approved.
      queues.get("on_hold")?.add([["", JSON.stringify({ plan, reason, writes, removes })]], 0);
    },
    conflicted: (keys, more = 0) => queues.get("on_conflict")?.add(conflictLines(keys), more),
    failures: () => failuresOf(queues),
    close: async (deadlineMs = CLOSE_DEADLINE_MS, signal) => {
      await Promise.all([...queues.values()].map((queue) => queue.close(deadlineMs, signal)));
    },
  };
}

function keysOf({ lines, more }: HookBatch): number {
  return lines.size + more;
}

interface QueueDeps {
  readonly name: HookName;
  readonly config: HookConfig;
  readonly countOf: (batch: HookBatch) => number;
  readonly env: () => Readonly<Record<string, string>>;
  readonly limit: LimitFunction;
}

function openQueue({ name, config, countOf, env, limit }: QueueDeps, options: HooksOptions): HookQueue {
  const { clock, mapping, folder } = options;
  const { run, debounceMs, timeoutMs } = config;
  return openHookQueue({
    clock,
    log: options.log,
    name,
    debounceMs,
    limit,
    run: (batch, signal) =>
      runHook({
        clock,
        run,
        folder,
        timeoutMs,
        signal,
        lines: batch.lines.values(),
        env: {
          ...env(),
          KVSYNC_MAPPING: mapping,
          KVSYNC_EVENT: EVENTS[name],
          KVSYNC_COUNT: String(countOf(batch)),
          KVSYNC_MORE: String(batch.more),
        },
      }),
  });
}

function* linesOf(changes: Iterable<ChangedKey>): Generator<readonly [string, string]> {
  for (const { key, side, event } of changes) yield [`${side}:${key}`, JSON.stringify({ key, side, event })];
}

function* conflictLines(keys: Iterable<string>): Generator<readonly [string, string]> {
  for (const key of keys) yield [key, JSON.stringify({ key })];
}

function failuresOf(queues: ReadonlyMap<HookName, HookQueue>): ReadonlyMap<HookName, HookFailure> {
  const failures = new Map<HookName, HookFailure>();
  for (const [name, queue] of queues) {
    const failure = queue.failure();
    if (failure !== undefined) failures.set(name, failure);
  }
  return failures;
}
