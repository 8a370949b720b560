// The hook of migrations, `on_migration`: a program of the user's that runs when a migration is ready for its cut-over, done or aborted, and
// when a run of it stopped before its end. It runs where the config is, and as hooks of mappings do: again a few times if it fails.
//
// A program gets:
//   KVSYNC_MIGRATION the migration's name
//   KVSYNC_EVENT     migration-ready, migration-done, migration-aborted or migration-failed
//   KVSYNC_COUNT     keys that failed, of all namespaces
//   stdin            a line of JSON: what `kvsync migrate status --json` shows of the migration

import type { LimitFunction } from "p-limit";
import type { HookConfig } from "../config/config.ts";
import type { Secret } from "../config/secret.ts";
import type { Clock, DurationMs } from "../core/clock.ts";
import { type Environment, hookEnvironment } from "../mapping/hooks/hook-environment.ts";
import type { HookLog } from "../mapping/hooks/hook-log.ts";
import { type HookFailure, type HookQueue, openHookQueue } from "../mapping/hooks/hook-queue.ts";
import { runHook } from "../mapping/hooks/run-hook.ts";
import { type MigrationRecord, type MigrationState, sumCounts } from "./migration-record.ts";

export interface MigrationHooksOptions {
  readonly clock: Clock;
  readonly log: HookLog;
  readonly hook: HookConfig;
  /** Where the program runs. */
  readonly folder: string;
  readonly env: Environment;
  /** Asked for at each run: what is a secret may change with the config. */
  readonly secrets: () => readonly Secret[];
  readonly limit: LimitFunction;
}

export type MigrationHookEvent = "ready" | "done" | "aborted" | "failed";

export interface MigrationHooks {
  /** Returns at once. */
  happened(event: MigrationHookEvent, record: MigrationRecord): void;
  failures(): readonly HookFailure[];
  /** Runs what is pending, waits for programs up to `deadlineMs`, or until `signal` is aborted, then ends them. */
  close(deadlineMs: DurationMs, signal?: AbortSignal): Promise<void>;
}

/** What the hook is told when a migration comes to be in this state; undefined: nothing. */
export function hookEventOf(state: MigrationState): MigrationHookEvent | undefined {
  return state === "ready" || state === "done" || state === "aborted" ? state : undefined;
}

export function openMigrationHooks(options: MigrationHooksOptions): MigrationHooks {
  const { clock, log, hook, folder, limit } = options;
  const { run, debounceMs, timeoutMs } = hook;
  const env = (): Record<string, string> => hookEnvironment(options.env, options.secrets());
  // Each event has a queue of its own: a program is told of one event at a time.
  const queues = new Map<MigrationHookEvent, HookQueue>();
  const latest = new Map<MigrationHookEvent, MigrationRecord>();
  const open = (event: MigrationHookEvent): HookQueue => {
    const variables = (): Record<string, string> => {
      const { name, namespaces } = latest.get(event)!;
      return {
        ...env(),
        KVSYNC_MIGRATION: name,
        KVSYNC_EVENT: `migration-${event}`,
        KVSYNC_COUNT: String(sumCounts(namespaces).failed),
      };
    };
    return openHookQueue({
      clock,
      log,
      name: "on_migration",
      debounceMs,
      limit,
      run: ({ lines }, signal) =>
        runHook({ clock, run, folder, timeoutMs, signal, lines: lines.values(), env: variables() }),
    });
  };
  return {
    happened: (event, record) => {
      const queue = queues.get(event) ?? open(event);
      queues.set(event, queue);
      latest.set(event, record);
      // One line, whatever came before: only the last one says how it stands.
      queue.add([["", JSON.stringify({ ...record, total: sumCounts(record.namespaces) })]], 0);
    },
    failures: () => [...queues.values()].flatMap((queue) => queue.failure() ?? []),
    close: async (deadlineMs, signal) => {
      await Promise.all([...queues.values()].map((queue) => queue.close(deadlineMs, signal)));
    },
  };
}
