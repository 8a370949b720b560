// The daemon's events and status as metrics and health: what the health server and the watchdog go by.

import type { DaemonListener, MappingEvent } from "./daemon-event.ts";
import type { HealthSnapshot, MappingHealth, Trouble } from "./health.ts";
import type { LoopHealth } from "./heartbeats.ts";
import type { Metrics, MetricsSnapshot, SideCounts } from "./metrics.ts";
import type { RoundReport } from "./round-port.ts";
import type { Change, SyncSide } from "./round-log.ts";
import type { DaemonStatus, MappingStatus } from "./status.ts";

export function metricsSnapshot({ accounts, mappings }: DaemonStatus): MetricsSnapshot {
  return {
    accounts: accounts.map(({ account, requests, budgetLeft }) => ({
      name: account,
      requests,
      budgetLeft: budgetLeft ?? Number.POSITIVE_INFINITY,
    })),
    mappings: mappings.map(({ mapping, pending, hold, error, localLookedAt }) => ({
      name: mapping,
      pending,
      isHeld: hold !== null,
      isFailing: error !== null,
      lastSuccessAt: hold === null ? (localLookedAt ?? undefined) : undefined,
    })),
  };
}

export function healthSnapshot({ mappings }: DaemonStatus, loops: readonly LoopHealth[]): HealthSnapshot {
  return { loops, mappings: mappings.map(mappingHealth) };
}

function mappingHealth({ mapping: name, state, hold, error }: MappingStatus): MappingHealth {
  const trouble: Trouble | undefined =
    hold !== null
      ? { kind: "hold", message: hold.message, hint: `kvsync approve ${name}` }
      : error !== null
        ? { kind: "error", message: error.message, hint: error.hint ?? undefined }
        : undefined;
  return { name, state, trouble };
}

export function countEvents(metrics: Metrics): DaemonListener {
  return (event) => {
    if ("mapping" in event) countMapping(event, event.mapping.name, metrics);
  };
}

function countMapping(event: MappingEvent, mapping: string, metrics: Metrics): void {
  if (event.kind === "stopped") metrics.forget(mapping);
  if (event.kind === "failed") {
    metrics.failed(mapping, event.error.code);
    const nothing: SideCounts = { local: 0, remote: 0 };
    metrics.roundEnded({ mapping, outcome: "failed", durationMs: 0, written: nothing, removed: nothing, conflicts: 0 });
  }
  if (event.kind === "scrubbed") for (const { code } of event.problems) metrics.failed(mapping, code);
  if (event.kind !== "round-ended") return;
  const { report } = event;
  for (const { code } of report.problems) metrics.failed(mapping, code);
  metrics.roundEnded({
    mapping,
    outcome: report.hold === undefined ? "done" : "held",
    durationMs: report.durationMs,
    ...countSides(report),
    conflicts: report.result.conflicts,
  });
}

/** By side, as far as changes are kept one by one; what is beyond goes to the side that had the most. */
function countSides({ changes, result }: RoundReport): { readonly written: SideCounts; readonly removed: SideCounts } {
  const removed = countBySide(changes.filter(({ event }) => event === "removed"));
  const written = countBySide(changes.filter(({ event }) => event !== "removed"));
  return { written: filledUp(written, result.written), removed: filledUp(removed, result.removed) };
}

function countBySide(changes: readonly Change[]): Record<SyncSide, number> {
  const local = changes.filter(({ side }) => side === "local").length;
  return { local, remote: changes.length - local };
}

function filledUp({ local, remote }: Record<SyncSide, number>, total: number): SideCounts {
  const rest = total - local - remote;
  return local > remote ? { local: local + rest, remote } : { local, remote: remote + rest };
}
