// The daemon's events and status as metrics and health: what the health server and the watchdog go by.

import { backupLoopName } from "../backups/backup-loop-name.ts";
import type { DurationMs, EpochMs } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import type { DaemonListener, MappingEvent } from "../daemon-event.ts";
import type { AccountHealth, HealthSnapshot, LoopHealth, MappingHealth, Trouble } from "../../monitor/health.ts";
import type { Metrics, MetricsSnapshot } from "../../monitor/metrics.ts";
import type { SideCounts } from "../../monitor/metric-totals.ts";
import type { RoundReport } from "../../mapping/round-port.ts";
import type { Change, SyncSide } from "../../mapping/round-log.ts";
import type { AccountStatus, DaemonStatus } from "../control/daemon-status.ts";
import type { MappingStatus, ProblemStatus } from "../../mapping/status.ts";

/** How long an account may be without a good answer before health tells of it: one request that is sent again is nothing. */
const SILENCE_MS_MAX: DurationMs = 3000;
/** How long a problem that may pass by itself may stand before health tells of it. */
const PASSING_MS_MAX: DurationMs = 120_000;

export function metricsSnapshot({ accounts, mappings, backups, notices, stuck, now }: DaemonStatus): MetricsSnapshot {
  return {
    accounts: accounts.map(({ account, requests, budgetLeft, budget }) => ({
      name: account,
      requests,
      budgetLeft: budgetLeft ?? Number.POSITIVE_INFINITY,
      budgetSize: budget?.requests ?? Number.POSITIVE_INFINITY,
    })),
    mappings: mappings.map(({ mapping, pending, hold, paused, error, localLookedAt, problems, problemCount }) => ({
      name: mapping,
      pending,
      isHeld: hold !== null,
      heldMs: ageOf(hold?.since, now),
      problems: problemCount,
      oldestProblemMs: Math.max(0, ...problems.map(({ since }) => ageOf(since, now))),
      isPaused: paused !== null,
      // Nothing is tried that could fail.
      isFailing: error !== null && paused === null,
      lastSuccessAt: hold === null ? (localLookedAt ?? undefined) : undefined,
    })),
    backups,
    loops: [...mappings.map(({ mapping }) => mapping), ...backups.map(({ backup }) => backupLoopName(backup))].map(
      (name) => ({ name, isAlive: !stuck.includes(name) }),
    ),
    notices: notices.map(({ target, sent, failed, waiting, undelivered }) => ({
      target,
      sent,
      failed,
      waiting,
      // Less than a millisecond is not none.
      undeliveredMs: undelivered === null ? 0 : Math.max(1, ageOf(undelivered.since, now)),
    })),
  };
}

/** Of what is not, 0; nor is anything younger than new, whatever was done to the clock. */
function ageOf(since: EpochMs | null | undefined, now: EpochMs): DurationMs {
  return since === null || since === undefined ? 0 : Math.max(0, now - since);
}

export function healthSnapshot(
  { mappings, accounts, backups, now }: DaemonStatus,
  loops: readonly LoopHealth[],
): HealthSnapshot {
  const used = new Set(mappings.map(({ account }) => account));
  return {
    loops,
    accounts: accounts.filter(({ account }) => used.has(account)).map(accountHealth),
    mappings: mappings.map((mapping) => mappingHealth(mapping, now)),
    backups: backups.map(({ backup: name, failure }) => ({ name, trouble: failure?.message })),
  };
}

function accountHealth({ account: name, retrying, retryingForMs }: AccountStatus): AccountHealth {
  const isDown = retrying !== null && retryingForMs !== null && retryingForMs >= SILENCE_MS_MAX;
  return { name, trouble: isDown ? retrying : undefined };
}

function mappingHealth(mapping: MappingStatus, now: EpochMs): MappingHealth {
  return { name: mapping.mapping, state: mapping.state, trouble: troubleOf(mapping, now) };
}

function troubleOf(
  { mapping: name, hold, paused, error, problems, problemCount }: MappingStatus,
  now: EpochMs,
): Trouble | undefined {
  // It does what a person asked of it, and its state says so.
  if (paused !== null) return undefined;
  if (hold !== null) return { kind: "hold", message: hold.message, hint: `kvsync approve ${name} --plan ${hold.plan}` };
  if (error !== null) return { kind: "error", message: error.message, hint: error.hint ?? undefined };
  const lasting = problems.find((problem) => isLasting(problem, now));
  if (lasting === undefined) return undefined;
  const more = problemCount > 1 ? ` (and ${problemCount - 1} more)` : "";
  const message = `${visible(lasting.subject)}: ${visible(lasting.message)}${more}`;
  return { kind: "problems", message, hint: `kvsync status ${name}` };
}

/** A file that is just being written is no reason to wake anybody; one that has been for minutes is. */
function isLasting({ passesByItself, since }: ProblemStatus, now: EpochMs): boolean {
  return !passesByItself || since === null || now - since >= PASSING_MS_MAX;
}

export function countEvents(metrics: Metrics): DaemonListener {
  return (event) => {
    if (event.kind === "backup-ended") metrics.backupEnded(event.backup.name, event.memory);
    else if (event.kind === "backup-stopped") metrics.forgetBackup(event.backup.name);
    else if ("mapping" in event) countMapping(event, event.mapping.name, metrics);
    else if (event.kind === "account-answered") metrics.answered(event.account, event);
    else if (event.kind === "account-waited") metrics.waited(event.account, event.waitedMs);
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
