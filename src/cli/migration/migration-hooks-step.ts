// The hook of migrations while kvsync migrate runs: the config's `on_migration`, told of the events of one migration.

import { dirname } from "node:path";
import pLimit from "p-limit";
import { configSecrets } from "../../config/config-secrets.ts";
import type { Config } from "../../config/config.ts";
import { HOOKS_AT_ONCE_MAX } from "../../mapping/hooks/hooks.ts";
import { KILL_GRACE_MS } from "../../mapping/hooks/run-hook.ts";
import { type MigrationHookEvent, openMigrationHooks } from "../../migration/migration-hooks.ts";
import type { MigrationRecord } from "../../migration/migration-record.ts";
import type { Context } from "../context.ts";
import { openHookLog, tellHookFailure } from "../render/hook-output.ts";

export interface MigrationHooksStep {
  happened(event: MigrationHookEvent, record: MigrationRecord | undefined): void;
  /** Waits for programs. False: one failed, which is told. May be called again. */
  end(): Promise<boolean>;
}

export function openHooksStep(context: Context, config: Config, name: string): MigrationHooksStep {
  const { clock, cwd, env, signal } = context;
  const hook = config.onMigration;
  if (hook === undefined) return { happened: () => undefined, end: () => Promise.resolve(true) };
  const hooks = openMigrationHooks({
    clock,
    log: openHookLog(context, name),
    hook,
    folder: config.file === undefined ? cwd : dirname(config.file),
    env,
    secrets: () => configSecrets(config),
    limit: pLimit(HOOKS_AT_ONCE_MAX),
  });
  const end = async (): Promise<boolean> => {
    // The program's own timeout comes first, so that it is told that it ran into that.
    await hooks.close(hook.timeoutMs + KILL_GRACE_MS, signal);
    const failures = hooks.failures();
    for (const failure of failures) {
      tellHookFailure(context, { kind: "migration", name, hook: "on_migration", failure });
    }
    return failures.length === 0;
  };
  let ended: Promise<boolean> | undefined;
  return {
    happened: (event, record) => {
      if (record !== undefined) hooks.happened(event, record);
    },
    end: () => (ended ??= end()),
  };
}
