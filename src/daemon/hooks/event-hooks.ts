// The daemon's events to the hooks of their mappings. Hooks live as long as their mapping does.

import pLimit from "p-limit";
import type { Secret } from "../../config/secret.ts";
import type { Clock } from "../../core/clock.ts";
import type { Hold } from "../../journal/holds.ts";
import type { MappingConfig } from "../../config/config.ts";
import type { DaemonListener } from "../daemon-event.ts";
import { decodeHoldReason, renderHoldReason } from "../../mapping/hold-reason.ts";
import type { Environment } from "./hook-environment.ts";
import { type HeldPlan, type Hooks, HOOKS_AT_ONCE_MAX, openHooks } from "./hooks.ts";
import type { Log } from "../report/log.ts";
import type { RoundReport } from "../../mapping/round-port.ts";

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
    byMapping.set(name, openHooks({ ...deps, hooks: { onChange, onHold, onConflict }, mapping: name, folder, limit }));
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

function tellChanges({ changes, moreChanges }: RoundReport, hooks: Hooks): void {
  if (changes.length === 0) return;
  hooks.changed(changes, moreChanges);
  const conflicts = changes.filter(({ event }) => event === "conflict").map(({ key }) => key);
  if (conflicts.length > 0) hooks.conflicted(conflicts);
}

function heldPlan({ plan, reason, writes, removes }: Hold): HeldPlan {
  return { plan, reason: renderHoldReason(decodeHoldReason(reason)), writes, removes };
}
