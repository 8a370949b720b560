// The hooks of backups: programs of the user's that run when a backup failed or lacks keys (`on_backup_failure`), and when a complete one was
// made (`on_backup_success`). They run where the config is, once a run, and as hooks of mappings are: again a few times if they fail.
//
// A program gets:
//   KVSYNC_BACKUP    the backup's name
//   KVSYNC_EVENT     backup-failure or backup-success
//   KVSYNC_COUNT     failed runs in a row; 0 after a success
//   stdin            a line of JSON: what `kvsync status --json` shows of the backup

import type { LimitFunction } from "p-limit";
import type { BackupConfig, HookConfig } from "../config/config.ts";
import type { Secret } from "../config/secret.ts";
import type { Clock, DurationMs } from "../core/clock.ts";
import { type Environment, hookEnvironment } from "../mapping/hooks/hook-environment.ts";
import type { HookLog } from "../mapping/hooks/hook-log.ts";
import { type HookFailure, type HookQueue, openHookQueue } from "../mapping/hooks/hook-queue.ts";
import { runHook } from "../mapping/hooks/run-hook.ts";
import type { BackupMemory } from "./backup-memory.ts";

export interface BackupHooksOptions {
  readonly clock: Clock;
  /** Of this backup. */
  readonly log: HookLog;
  readonly backup: Pick<BackupConfig, "name" | "onFailure" | "onSuccess">;
  /** Where programs run. */
  readonly folder: string;
  readonly env: Environment;
  /** Asked for at each run: what is a secret may change with the config. */
  readonly secrets: () => readonly Secret[];
  readonly limit: LimitFunction;
}

export interface BackupHooks {
  /** To be called after each run. Returns at once. */
  ended(memory: BackupMemory): void;
  failures(): ReadonlyMap<HookName, HookFailure>;
  /** Runs what is pending, waits for programs up to `deadlineMs`, or until `signal` is aborted, then ends them. */
  close(deadlineMs: DurationMs, signal?: AbortSignal): Promise<void>;
}

type HookName = "on_backup_failure" | "on_backup_success";

const EVENTS: Readonly<Record<HookName, string>> = {
  on_backup_failure: "backup-failure",
  on_backup_success: "backup-success",
};

export function openBackupHooks(options: BackupHooksOptions): BackupHooks {
  const { name, onFailure, onSuccess } = options.backup;
  const env = (): Record<string, string> => hookEnvironment(options.env, options.secrets());
  const queues = new Map<HookName, HookQueue>();
  let attempts = 0;
  const open = (hook: HookName, config: HookConfig | undefined): void => {
    if (config === undefined) return;
    const { clock, log, folder, limit } = options;
    const { run, debounceMs, timeoutMs } = config;
    const variables = (): Record<string, string> => ({
      ...env(),
      KVSYNC_BACKUP: name,
      KVSYNC_EVENT: EVENTS[hook],
      KVSYNC_COUNT: String(attempts),
    });
    queues.set(
      hook,
      openHookQueue({
        clock,
        log,
        name: hook,
        debounceMs,
        limit,
        run: ({ lines }, signal) =>
          runHook({ clock, run, folder, timeoutMs, signal, lines: lines.values(), env: variables() }),
      }),
    );
  };
  open("on_backup_failure", onFailure);
  open("on_backup_success", onSuccess);
  return {
    ended: (memory) => {
      attempts = memory.failure?.attempts ?? 0;
      const hook = memory.failure === null ? "on_backup_success" : "on_backup_failure";
      const { place: _, ...shown } = memory;
      // One line, whatever came before: only the last run says how it stands.
      queues.get(hook)?.add([["", JSON.stringify({ backup: name, ...shown })]], 0);
    },
    failures: () =>
      new Map(
        [...queues].flatMap(([hook, queue]) => {
          const failure = queue.failure();
          return failure === undefined ? [] : [[hook, failure] as const];
        }),
      ),
    close: async (deadlineMs, signal) => {
      await Promise.all([...queues.values()].map((queue) => queue.close(deadlineMs, signal)));
    },
  };
}
