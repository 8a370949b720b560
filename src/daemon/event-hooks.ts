// The daemon's events to the hooks of their mappings. Hooks live as long as their mapping does.

import pLimit from "p-limit";
import type { Secret } from "../config/secret.ts";
import type { Clock } from "../core/clock.ts";
import type { MappingConfig } from "../config/config.ts";
import type { DaemonListener } from "./daemon-event.ts";
import type { Environment } from "../mapping/hooks/hook-environment.ts";
import { type Hooks, HOOKS_AT_ONCE_MAX, openHooks } from "../mapping/hooks/hooks.ts";
import { heldPlan, tellChanges } from "../mapping/hooks/tell-hooks.ts";
import type { Log } from "./report/log.ts";

export interface EventHooksDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly env: Environment;
  readonly secrets: readonly Secret[];
}

export interface EventHooks {
  readonly listen: DaemonListener;
  /** Runs what is pending, and waits for it. */
  close(): Promise<void>;
}

export function openEventHooks(deps: EventHooksDeps): EventHooks {
  const limit = pLimit(HOOKS_AT_ONCE_MAX);
  const byMapping = new Map<string, Hooks>();
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
  return {
    listen: (event) => {
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
