// What a run of a backup came to: plain data, for the log, the status, metrics, hooks and the command line.

import type { ByteCount, DurationMs, EpochMs } from "../core/clock.ts";
import type { AppError } from "../core/errors.ts";

export interface SourceReport {
  /** As its replica is called, or, of what could not be opened, as the config names it. */
  readonly source: string;
  /** Undefined: nothing had changed and none was asked for, or it failed. */
  readonly snapshot: string | undefined;
  readonly complete: boolean;
  readonly keys: number;
  readonly bytes: ByteCount;
  /** Values that were read, since they were not known. */
  readonly read: number;
  /** As stored. */
  readonly bytesStored: ByteCount;
  /** Keys that could not be read. */
  readonly problems: number;
  readonly requests: number;
  readonly failure: AppError | undefined;
}

export interface DrillOutcome {
  readonly isProven: boolean;
  readonly at: EpochMs;
  readonly failure: AppError | undefined;
}

export interface BackupReport {
  readonly startedAt: EpochMs;
  readonly durationMs: DurationMs;
  readonly repositoryId: string | undefined;
  readonly sources: readonly SourceReport[];
  readonly forgotten: number;
  /** Undefined: nothing was pruned. */
  readonly freed: ByteCount | undefined;
  /** Undefined: there was none. */
  readonly drill: DrillOutcome | undefined;
  /** The first thing that failed; undefined: all of it is done, and every snapshot is complete. */
  readonly failure: AppError | undefined;
}

/** The JSON form is a contract with scripts: `kvsync status --json` shows it. */
export interface BackupRun {
  readonly startedAt: EpochMs;
  readonly durationMs: DurationMs;
  readonly complete: boolean;
  readonly sources: number;
  readonly snapshots: number;
  readonly keys: number;
  readonly bytes: ByteCount;
  /** Values that were read, since they were not known. */
  readonly valuesRead: number;
  readonly bytesStored: ByteCount;
  /** Keys that could not be read. */
  readonly failed: number;
  readonly requests: number;
  /** Snapshots that were forgotten. */
  readonly forgotten: number;
  /** Bytes that were freed; null: nothing was pruned. */
  readonly freed: ByteCount | null;
}

export interface BackupTotals {
  readonly keys: number;
  readonly bytes: ByteCount;
  readonly read: number;
  readonly bytesStored: ByteCount;
  readonly problems: number;
  readonly requests: number;
  readonly snapshots: number;
}

export function totalsOf({ sources }: Pick<BackupReport, "sources">): BackupTotals {
  const sum = (of: (source: SourceReport) => number): number => sources.reduce((all, source) => all + of(source), 0);
  return {
    keys: sum(({ keys }) => keys),
    bytes: sum(({ bytes }) => bytes),
    read: sum(({ read }) => read),
    bytesStored: sum(({ bytesStored }) => bytesStored),
    problems: sum(({ problems }) => problems),
    requests: sum(({ requests }) => requests),
    snapshots: sum(({ snapshot }) => (snapshot === undefined ? 0 : 1)),
  };
}

/** Whether each source has a complete snapshot by this run, whatever became of what followed. */
export function isComplete({ sources }: Pick<BackupReport, "sources">): boolean {
  return sources.length > 0 && sources.every(({ complete }) => complete);
}

/** As it is kept, and shown. */
export function runOf(report: BackupReport): BackupRun {
  const { snapshots, keys, bytes, read, bytesStored, problems, requests } = totalsOf(report);
  return {
    startedAt: report.startedAt,
    durationMs: Math.round(report.durationMs),
    complete: isComplete(report),
    sources: report.sources.length,
    snapshots,
    keys,
    bytes,
    valuesRead: read,
    bytesStored,
    failed: problems,
    requests,
    forgotten: report.forgotten,
    freed: report.freed ?? null,
  };
}
