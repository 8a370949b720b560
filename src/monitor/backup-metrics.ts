// Backups as metrics: what they have done since the process began, and how they stand.

import type { BackupMemory } from "../backups/backup-memory.ts";
import type { BackupStatus } from "../backups/backup-status.ts";
import type { DefinedMetrics } from "./define-metrics.ts";

export interface BackupTotals {
  readonly runs: Record<"done" | "failed", number>;
  readonly failures: Map<string, number>;
  bytesStored: number;
  valuesRead: number;
}

export function noBackups(): BackupTotals {
  return { runs: { done: 0, failed: 0 }, failures: new Map(), bytesStored: 0, valuesRead: 0 };
}

export function addBackup(totals: BackupTotals, { lastRun, failure }: Pick<BackupMemory, "lastRun" | "failure">): void {
  totals.runs[failure === null ? "done" : "failed"]++;
  if (failure !== null) totals.failures.set(failure.code, (totals.failures.get(failure.code) ?? 0) + 1);
  totals.bytesStored += lastRun?.bytesStored ?? 0;
  totals.valuesRead += lastRun?.valuesRead ?? 0;
}

export function showBackup(
  { backup, lastRun, lastCompleteAt, failure, lastDrill }: BackupStatus,
  { runs, failures, bytesStored, valuesRead }: BackupTotals,
  { counters, gauges }: DefinedMetrics,
): void {
  for (const outcome of ["done", "failed"] as const) counters.backupRuns.inc({ backup, outcome }, runs[outcome]);
  for (const [code, times] of failures) counters.backupFailures.inc({ backup, code }, times);
  counters.backupStored.inc({ backup }, bytesStored);
  counters.backupRead.inc({ backup }, valuesRead);
  gauges.backupFailing.set({ backup }, failure === null ? 0 : 1);
  // Of a backup that was never complete there is no age: an alert asks for absence, too.
  if (lastCompleteAt !== null) gauges.backupComplete.set({ backup }, lastCompleteAt / 1000);
  if (lastRun !== null) {
    gauges.backupDuration.set({ backup }, lastRun.durationMs / 1000);
    gauges.backupKeys.set({ backup }, lastRun.keys);
  }
  if (lastDrill !== null) {
    gauges.drillProven.set({ backup }, lastDrill.proven ? 1 : 0);
    gauges.drillTime.set({ backup }, lastDrill.at / 1000);
  }
}
