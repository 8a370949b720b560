// The daemon's events to the hooks of their mappings and backups. Hooks live as long as their mapping, or backup, does.

import pLimit from "p-limit";
import type { Secret } from "../config/secret.ts";
import type { Clock, DurationMs } from "../core/clock.ts";
import { type BackupHooks, openBackupHooks } from "../backups/backup-hooks.ts";
import type { BackupConfig, MappingConfig } from "../config/config.ts";
import type { BackupEvent } from "./backups/backup-loop.ts";
import type { DaemonListener } from "./daemon-event.ts";
import type { Environment } from "../mapping/hooks/hook-environment.ts";
import { type Hooks, HOOKS_AT_ONCE_MAX, openHooks } from "../mapping/hooks/hooks.ts";
import { heldPlan, tellChanges } from "../mapping/hooks/tell-hooks.ts";
import type { Log } from "./report/log.ts";

export interface EventHooksDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly env: Environment;
  /** Of the config as it is now. */
  readonly secrets: () => readonly Secret[];
  /** Where the hooks of backups run. */
  readonly folder: string;
}

export interface EventHooks {
  readonly listen: DaemonListener;
  /** Runs what is pending, and waits for it. */
  close(): Promise<void>;
}

/** How long closing waits for the programs of backups. */
const CLOSE_DEADLINE_MS: DurationMs = 10_000;

export function openEventHooks(deps: EventHooksDeps): EventHooks {
  const limit = pLimit(HOOKS_AT_ONCE_MAX);
  const byMapping = new Map<string, Hooks>();
  const byBackup = new Map<string, BackupHooks>();
  const closing = new Set<Promise<void>>();

  const open = ({ name, folder, onChange, onHold, onConflict }: MappingConfig): void => {
    if (onChange === undefined && onHold === undefined && onConflict === undefined) return;
    byMapping.set(
      name,
      openHooks({
        ...deps,
        log: deps.log.with({ mapping: name }),
        hooks: { onChange, onHold, onConflict },
        mapping: name,
        folder,
        limit,
      }),
    );
  };
  const close = (name: string): void => {
    const hooks = byMapping.get(name);
    if (hooks === undefined) return;
    byMapping.delete(name);
    const closed = hooks.close().finally(() => closing.delete(closed));
    closing.add(closed);
  };
  const listenToBackup = (event: BackupEvent & { readonly backup: BackupConfig }): void => {
    const { backup } = event;
    const { name, onFailure, onSuccess } = backup;
    const hooks = byBackup.get(name);
    if (event.kind === "backup-stopped" && hooks !== undefined) {
      byBackup.delete(name);
      const closed = hooks.close(CLOSE_DEADLINE_MS).finally(() => closing.delete(closed));
      closing.add(closed);
    }
    if (event.kind !== "backup-ended" || (onFailure === undefined && onSuccess === undefined)) return;
    const open = hooks ?? openBackupHooks({ ...deps, log: deps.log.with({ backup: name }), backup, limit });
    byBackup.set(name, open);
    if (event.memory.failure === null || event.isNews) open.ended(event.memory);
  };
  return {
    listen: (event) => {
      if ("backup" in event) return listenToBackup(event);
      if (!("mapping" in event)) return;
      const { name } = event.mapping;
      if (event.kind === "started") open(event.mapping);
      if (event.kind === "stopped") close(name);
      const hooks = byMapping.get(name);
      if (hooks === undefined) return;
      if (event.kind === "held") hooks.held(heldPlan(event.hold));
      if (event.kind === "round-ended") tellChanges(event.report, hooks);
    },
    close: async () => {
      for (const name of byMapping.keys()) close(name);
      await Promise.all(closing);
    },
  };
}
