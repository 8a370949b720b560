// What follows a backup: snapshots that its rules no longer keep are forgotten, the repository is pruned once a day, and a drill is held so often as
// the config asks for one.

import { countedKeys } from "../core/guards.ts";
import { GRACE_MS } from "../backup/repository/mark-watch.ts";
import { LISTING_PATIENCE_MS, MAX_UNUSED } from "../backup/prune/plan-prune.ts";
import { prune } from "../backup/prune/prune.ts";
import type { ObjectId, StoredSnapshot } from "../backup/repository/repository.ts";
import { listSnapshots, readSnapshot, type SnapshotSummary } from "../backup/repository/snapshots.ts";
import { sourceKey } from "../backup/retention/decide-retention.ts";
import { forgetSnapshots } from "../backup/retention/forget-snapshots.ts";
import type { BackupConfig } from "../config/config.ts";
import type { ByteCount, Clock, DurationMs, EpochMs } from "../core/clock.ts";
import { AppError, visible } from "../core/errors.ts";
import { drillParent } from "../drill/drill-folder.ts";
import type { DrillReport } from "../drill/drill-snapshot.ts";
import { newestOfEach } from "../drill/newest-of-each.ts";
import { operationErrorOf } from "../journal/operation-error.ts";
import type { DrillOutcome } from "./backup-report.ts";
import { planForget } from "./plan-forget.ts";
import { openUsedRepository, type RepositoryDeps, type UsedRepository } from "./used-repository.ts";

/** What is remembered that this goes by. */
export interface AfterTimes {
  readonly lastPruneAt: EpochMs | null;
  readonly lastDrill: { readonly at: EpochMs; readonly proven: boolean } | null;
}

/** A snapshot that the run has just made, or has found to be as it was. */
export type Made = Pick<StoredSnapshot, "source" | "filter">;

/** What is marked is removed a day later: to look more often frees nothing sooner. */
const PRUNE_EVERY_MS: DurationMs = 86_400_000;

/** Pure. A time in the future is of a clock that was wrong. */
export function isPruneDue({ prune: isWanted }: BackupConfig, { lastPruneAt }: AfterTimes, now: EpochMs): boolean {
  return isWanted && isOver(lastPruneAt, PRUNE_EVERY_MS, now);
}

/** Pure. One that failed is held again after each backup, until it is proven. */
export function isDrillDue({ drillEveryMs }: BackupConfig, { lastDrill }: AfterTimes, now: EpochMs): boolean {
  if (drillEveryMs === undefined) return false;
  return lastDrill?.proven === false || isOver(lastDrill?.at ?? null, drillEveryMs, now);
}

function isOver(last: EpochMs | null, afterMs: DurationMs, now: EpochMs): boolean {
  return last === null || last > now || now - last >= afterMs;
}

export interface AfterDeps extends RepositoryDeps {
  readonly stateDir: string;
}

export interface DrillDeps extends AfterDeps {
  readonly onProgress: () => void;
}

/** The snapshots that were forgotten. */
export async function forgetOld(
  { repository }: UsedRepository,
  backup: BackupConfig,
  made: readonly Made[],
  signal: AbortSignal,
): Promise<readonly ObjectId[]> {
  const { snapshots } = await listSnapshots(repository, { signal });
  const now = await repository.store.now({ signal });
  const old = planForget({ snapshots, made, backup, now, timeZone: backup.timeZone ?? systemTimeZone() });
  const forgotten = old.map(({ id }) => id);
  await forgetSnapshots(repository, forgotten, { signal });
  return forgotten;
}

export function systemTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

export interface PruneOldDeps {
  readonly clock: Clock;
  readonly used: UsedRepository;
  readonly signal: AbortSignal;
  readonly onProgress: () => void;
}

/** Returns how many bytes were freed. `forgotten`: just now. */
export async function pruneOld(
  { clock, used, signal, onProgress }: PruneOldDeps,
  forgotten: readonly ObjectId[],
): Promise<ByteCount> {
  const { removed } = await prune(used.repository, {
    clock,
    grace: GRACE_MS,
    maxUnused: MAX_UNUSED,
    dryRun: false,
    forgotten,
    patienceMs: LISTING_PATIENCE_MS,
    signal,
    onStep: onProgress,
  });
  return removed.bytes;
}

/** The newest complete snapshot of each source is restored for a test, from a repository that is opened anew: what is in memory proves
 * nothing. A drill that cannot be held has failed. */
export async function holdDrill(deps: DrillDeps, backup: BackupConfig, made: readonly Made[]): Promise<DrillOutcome> {
  const { clock, signal } = deps;
  try {
    const used = await openUsedRepository(
      { ...deps, onStoreCall: deps.onProgress },
      { ...backup.repository, label: backup.repositoryLabel },
    );
    try {
      const { snapshots } = await listSnapshots(used.repository, { signal });
      const keys = new Set(made.map(sourceKey));
      const own = snapshots.filter((snapshot) => keys.has(sourceKey(snapshot)));
      const { newest } = newestOfEach(own, { now: await used.repository.store.now({ signal }) });
      for (const snapshot of newest) await drillOne(deps, used, snapshot);
    } finally {
      await used.close();
    }
    return { isProven: true, at: clock.now(), failure: undefined };
  } catch (error) {
    const failure = operationErrorOf(error);
    if (signal.aborted || failure === undefined) throw error;
    return { isProven: false, at: clock.now(), failure };
  }
}

async function drillOne(
  { clock, stateDir, signal, onProgress }: DrillDeps,
  used: UsedRepository,
  { id, source }: SnapshotSummary,
): Promise<void> {
  // It loads an HTTP server, which most backups do without: their start would take half as long again.
  const { drillSnapshot } = await import("../drill/drill-snapshot.ts");
  const report = await drillSnapshot(
    { clock, reader: await used.reader(), folder: drillParent(stateDir) },
    {
      snapshot: await readSnapshot(used.repository, id, { signal }),
      label: source.label,
      signal,
      onFinding: () => {},
      onProgress,
    },
  );
  if (report.verdict !== "proven") throw notProven(report, source.label, { id, repository: used.label });
}

function notProven(
  { lost, different }: DrillReport,
  source: string,
  { id, repository }: { readonly id: string; readonly repository: string },
): AppError {
  return new AppError(
    "incomplete",
    `the drill of ${visible(source)} failed: ${countedKeys(lost)} did not come back, and ${different} came back otherwise`,
    {
      hint: `see which: kvsync drill ${repository} ${id.slice(0, 8)}; and what is damaged: kvsync check ${repository} --read-data`,
    },
  );
}
