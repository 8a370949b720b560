// How a backup stands, as `kvsync status` tells it: plain data. The JSON form is a contract with scripts: fields are added, and never change
// their meaning.

import type { BackupConfig } from "../config/config.ts";
import type { ByteCount, EpochMs } from "../core/clock.ts";
import { renderDuration } from "../core/units.ts";
import type { BackupDrill, BackupFailure, BackupMemory } from "./backup-memory.ts";
import type { BackupRun } from "./backup-report.ts";

export interface BackupStatus {
  readonly backup: string;
  readonly repository: string;
  readonly sources: readonly string[];
  /** For people: `every 6h`, `at 03:00 (Europe/Berlin)`; null: only when it is asked for. */
  readonly schedule: string | null;
  /** "failing": the last run failed, and another one is to come. "stopped": no daemon runs. */
  readonly state: "waiting" | "running" | "failing" | "stopped";
  /** When the next run is due; null: nobody knows, or it runs. */
  readonly nextAt: EpochMs | null;
  readonly runningSince: EpochMs | null;
  /** Of the source that is being backed up; null: none is, or it has not told yet. */
  readonly progress: BackupProgress | null;
  readonly lastRun: BackupRun | null;
  /** When the last run began that left a complete snapshot of each source. */
  readonly lastCompleteAt: EpochMs | null;
  /** Since when it is known, at this repository; null: it has not been met yet. */
  readonly knownSince: EpochMs | null;
  readonly failure: BackupFailure | null;
  readonly lastDrill: BackupDrill | null;
}

export interface BackupProgress {
  /** As the config names it, or, of all namespaces of an account, each by itself. */
  readonly source: string;
  /** Keys that were dealt with, and those that there are; null: they are still being listed. */
  readonly keys: number;
  readonly keysTotal: number | null;
  /** Of the values that had to be read. */
  readonly bytesRead: ByteCount;
}

export interface BackupMoment {
  readonly nextAt: EpochMs | undefined;
  readonly runningSince: EpochMs | undefined;
  readonly progress: BackupProgress | undefined;
}

/** `moment` undefined: no daemon runs. */
export function backupStatus(
  backup: BackupConfig,
  memory: BackupMemory | undefined,
  moment: BackupMoment | undefined,
): BackupStatus {
  return {
    backup: backup.name,
    repository: backup.repositoryLabel,
    sources: backup.sources,
    schedule: renderSchedule(backup) ?? null,
    state: stateOf(memory, moment),
    nextAt: moment?.nextAt ?? null,
    runningSince: moment?.runningSince ?? null,
    progress: moment?.progress ?? null,
    lastRun: memory?.lastRun ?? null,
    lastCompleteAt: memory?.lastCompleteAt ?? null,
    knownSince: memory?.knownSince ?? null,
    failure: memory?.failure ?? null,
    lastDrill: memory?.lastDrill ?? null,
  };
}

function stateOf(memory: BackupMemory | undefined, moment: BackupMoment | undefined): BackupStatus["state"] {
  if (moment === undefined) return "stopped";
  if (moment.runningSince !== undefined) return "running";
  return (memory?.failure ?? null) === null ? "waiting" : "failing";
}

function renderSchedule({ schedule, timeZone }: BackupConfig): string | undefined {
  if (schedule === undefined) return undefined;
  if (schedule.kind === "every") return `every ${renderDuration(schedule.everyMs)}`;
  const { atMinutes } = schedule;
  const digits = [Math.floor(atMinutes / 60), atMinutes % 60].map((amount) => String(amount).padStart(2, "0"));
  return `at ${digits.join(":")}${timeZone === undefined ? "" : ` (${timeZone})`}`;
}
