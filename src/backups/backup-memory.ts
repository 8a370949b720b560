// What is remembered of a backup's runs, in the journal: when it is due next, how old the last complete one is, and what fails. A backup
// that goes to another repository begins anew.

import type { BackupConfig, StoreConfig } from "../config/config.ts";
import type { Clock, EpochMs } from "../core/clock.ts";
import type { ErrorCode } from "../core/errors.ts";
import { openBackupMemories } from "../journal/backup-memories.ts";
import { openHistory } from "../journal/history.ts";
import type { Journal } from "../journal/journal.ts";
import { type BackupReport, type BackupRun, isComplete, runOf, totalsOf } from "./backup-report.ts";
import { renderRun } from "./render-run.ts";

/** The JSON form is a contract with scripts: `kvsync status --json` shows it. */
export interface BackupFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | null;
  readonly since: EpochMs;
  /** Failed runs in a row. */
  readonly attempts: number;
}

export interface BackupDrill {
  readonly at: EpochMs;
  readonly proven: boolean;
  /** Why it is not; null: it is. */
  readonly message: string | null;
}

export interface BackupMemory {
  /** Which store it is about. */
  readonly place: string;
  /** Null: it has never got so far. */
  readonly repositoryId: string | null;
  readonly knownSince: EpochMs;
  readonly lastRun: BackupRun | null;
  /** When the last run began that made, or found, a complete snapshot of each source. */
  readonly lastCompleteAt: EpochMs | null;
  /** Of the last run; null: it did not fail. */
  readonly failure: BackupFailure | null;
  readonly lastPruneAt: EpochMs | null;
  readonly lastDrill: BackupDrill | null;
}

export interface BackupMemoryDeps {
  readonly clock: Clock;
  readonly journal: Journal;
}

/** What is known of `backup`; from now on it is known, if it was not. */
export function recallBackup({ clock, journal }: BackupMemoryDeps, backup: BackupConfig): BackupMemory {
  const known = readBackupMemory(journal, backup);
  if (known !== undefined) return known;
  const memory = { ...NOTHING_YET, place: placeOf(backup.repository.store), knownSince: clock.now() };
  openBackupMemories(journal).put(backup.name, JSON.stringify(memory));
  return memory;
}

/** Undefined: nothing is known of it at this place. */
export function readBackupMemory(journal: Journal, { name, repository }: BackupConfig): BackupMemory | undefined {
  const text = openBackupMemories(journal).get(name);
  const memory = text === undefined ? undefined : (JSON.parse(text) as BackupMemory);
  return memory?.place === placeOf(repository.store) ? memory : undefined;
}

/** Keeps what a run came to, with a line of the history. */
export function rememberRun(deps: BackupMemoryDeps, backup: BackupConfig, report: BackupReport): BackupMemory {
  const { clock, journal } = deps;
  const memory = memoryAfter(recallBackup(deps, backup), report, clock.now());
  openBackupMemories(journal).put(backup.name, JSON.stringify(memory));
  const isNew = memory.failure?.attempts === 1;
  if (report.failure === undefined || isNew) {
    const { failure } = report;
    const { bytesStored } = totalsOf(report);
    openHistory(journal).append([
      {
        at: report.startedAt,
        mapping: `backup ${backup.name}`,
        key: undefined,
        side: undefined,
        event: failure === undefined ? "backed-up" : "failed",
        reason: failure === undefined ? renderRun(memory.lastRun!) : failure.message,
        bytes: failure !== undefined && bytesStored === 0 ? undefined : bytesStored,
      },
    ]);
  }
  return memory;
}

/** Pure. */
export function memoryAfter(before: BackupMemory, report: BackupReport, now: EpochMs): BackupMemory {
  const { failure, startedAt, drill, freed, repositoryId } = report;
  return {
    ...before,
    repositoryId: repositoryId ?? before.repositoryId,
    lastRun: runOf(report),
    lastCompleteAt: isComplete(report) ? startedAt : before.lastCompleteAt,
    failure:
      failure === undefined
        ? null
        : {
            code: failure.code,
            message: failure.message,
            hint: failure.hint ?? null,
            since: before.failure?.since ?? startedAt,
            attempts: (before.failure?.attempts ?? 0) + 1,
          },
    lastPruneAt: freed === undefined ? before.lastPruneAt : now,
    lastDrill:
      drill === undefined
        ? before.lastDrill
        : { at: drill.at, proven: drill.isProven, message: drill.failure?.message ?? null },
  };
}

const NOTHING_YET: Omit<BackupMemory, "place" | "knownSince"> = {
  repositoryId: null,
  lastRun: null,
  lastCompleteAt: null,
  failure: null,
  lastPruneAt: null,
  lastDrill: null,
};

/** Names a store, without what it is opened with. Two that are written alike are one. */
export function placeOf(store: StoreConfig): string {
  return store.kind === "folder"
    ? JSON.stringify([store.path])
    : JSON.stringify([store.endpoint, store.bucket, store.prefix]);
}
