// One run of a backup of the config: each of its sources into a snapshot, then what its rules no longer keep is forgotten, and, where
// they are due, the repository is pruned and a drill held. Neither waits for the other: what fails is told. The daemon and
// `kvsync backup --all` run the same.
//
// A source that fails does not stop the others. Nothing is forgotten of a source whose snapshot is not complete.

import { listSnapshots, type SnapshotSummary } from "../backup/repository/snapshots.ts";
import type { BackupConfig } from "../config/config.ts";
import type { ByteCount, DurationMs } from "../core/clock.ts";
import { backupTag } from "../core/backup-tag.ts";
import { AppError, visible } from "../core/errors.ts";
import type { Problem } from "../core/problem.ts";
import { operationErrorOf } from "../journal/operation-error.ts";
import type { Budget } from "../kv/budget.ts";
import type { KvApi, Priority } from "../kv/kv-api.ts";
import type { LocationDeps, OpenLocation } from "../mapping/open-location.ts";
import {
  type AfterDeps,
  type AfterTimes,
  forgetOld,
  holdDrill,
  isDrillDue,
  isPruneDue,
  pruneOld,
} from "./after-backup.ts";
import { type BackedUp, backUpSource, type KnownSnapshots } from "./back-up-source.ts";
import { type BackupFilter, compileBackupFilter } from "./backup-filter.ts";
import type { BackupReport, DrillOutcome, SourceReport } from "./backup-report.ts";
import type { BackupProgress } from "./backup-status.ts";
import { sourceOf, filterOf } from "./backup-source.ts";
import { type BackupTarget, findTargets, openTarget } from "./backup-targets.ts";
import { checkApart } from "./check-apart.ts";
import { ownSnapshots } from "./own-snapshots.ts";
import { openExistingRepository, openOrCreateRepository, type UsedRepository } from "./used-repository.ts";

export interface PlanDeps extends Omit<AfterDeps, "signal"> {
  /** Of kvsync. */
  readonly version: string;
  readonly locations: (signal: AbortSignal) => LocationDeps;
  readonly account: (
    name: string,
  ) => Promise<{ readonly name: string; readonly api: KvApi & { readonly budget?: Pick<Budget, "granted"> } }>;
  /** Of requests to namespaces; undefined: the usual ones. */
  readonly priority: Priority | undefined;
}

export interface PlanRequest {
  readonly backup: BackupConfig;
  /** What is remembered of earlier runs. */
  readonly memory: AfterTimes & { readonly repositoryId: string | null };
  readonly signal: AbortSignal;
  readonly events: PlanEvents;
}

interface PlanEvents {
  readonly onSourceEnded?: (report: SourceReport) => void;
  readonly onProblem?: (source: string, problem: Problem) => void;
  /** Something goes forward. */
  readonly onProgress?: () => void;
  /** So far is the source that is being backed up. */
  readonly onSourceProgress?: (progress: BackupProgress) => void;
}

/** Throws the reason of an aborted signal, and a bug; what failed is in the report. */
export async function runBackupPlan(deps: PlanDeps, request: PlanRequest): Promise<BackupReport> {
  const { clock } = deps;
  const { backup, memory, signal, events } = request;
  const failureIn = async (work: () => Promise<void>): Promise<AppError | undefined> => {
    try {
      await work();
      return undefined;
    } catch (error) {
      const found = signal.aborted ? undefined : operationErrorOf(error);
      if (found === undefined) throw error;
      return found;
    }
  };
  const [startedAt, began] = [clock.now(), clock.monotonic()];
  const run = openRun(deps, request);
  const onProgress = (): void => events.onProgress?.();
  let failure: AppError | undefined;
  let tidying: AppError | undefined;
  let drill: DrillOutcome | undefined;
  try {
    failure = await failureIn(() => carryOut(run));
    if (failure === undefined && run.made.length > 0) {
      tidying = await failureIn(() => tidyUp(run));
      if (isDrillDue(backup, memory, clock.now()))
        drill = await holdDrill({ ...deps, signal, onProgress }, backup, run.made);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    await keepStored(run);
    throw signal.reason;
  } finally {
    await run.used?.close();
  }
  return {
    startedAt,
    durationMs: clock.monotonic() - began,
    repositoryId: run.used?.repository.id,
    sources: run.sources,
    forgotten: run.forgotten,
    freed: run.freed,
    drill,
    failure: failure ?? failureOf(run.sources) ?? drill?.failure ?? tidying,
  };
}

function listOf(patterns: readonly string[]): readonly string[] | undefined {
  return patterns.length === 0 ? undefined : patterns;
}

interface Run {
  readonly deps: PlanDeps;
  readonly request: PlanRequest;
  readonly filter: BackupFilter;
  readonly sources: SourceReport[];
  /** Of what is complete now. */
  readonly made: Pick<SnapshotSummary, "source" | "filter">[];
  used: UsedRepository | undefined;
  forgotten: number;
  freed: ByteCount | undefined;
}

function openRun(deps: PlanDeps, request: PlanRequest): Run {
  const { prefix, include, exclude } = request.backup;
  const filter = compileBackupFilter({ prefix, include: listOf(include), exclude: listOf(exclude) });
  return { deps, request, filter, sources: [], made: [], used: undefined, forgotten: 0, freed: undefined };
}

async function carryOut(run: Run): Promise<void> {
  const { deps, request } = run;
  const { backup, signal } = request;
  const targets = await findTargets({ account: deps.account, signal }, backup.sources);
  run.used = await openDestination(run);
  const { snapshots } = await listSnapshots(run.used.repository, { signal });
  const known: KnownSnapshots = { list: [...snapshots] };
  for (const target of targets) {
    const report = await backUpTarget(run, target, run.used, known);
    run.sources.push(report);
    request.events.onSourceEnded?.(report);
  }
}

/** Forgets what the rules no longer keep, and prunes if that is due. */
async function tidyUp(run: Run): Promise<void> {
  const { deps, request, made } = run;
  const { clock } = deps;
  const { backup, signal, memory, events } = request;
  const used = run.used!;
  const forgotten = backup.keep.length > 0 ? await forgetOld(used, backup, made, signal) : [];
  run.forgotten = forgotten.length;
  if (!isPruneDue(backup, memory, clock.now())) return;
  run.freed = await pruneOld({ clock, used, signal, onProgress: () => events.onProgress?.() }, forgotten);
}

async function openDestination({ deps, request }: Run): Promise<UsedRepository> {
  const { backup, memory, signal } = request;
  const place = { ...backup.repository, label: backup.repositoryLabel };
  const repositoryDeps = { ...deps, signal, onStoreCall: () => request.events.onProgress?.() };
  // One that has been there before is not made once more in its place.
  if (memory.repositoryId === null) return openOrCreateRepository(repositoryDeps, place, { isPlain: backup.isPlain });
  const used = await openExistingRepository(repositoryDeps, place);
  if (used !== undefined) return used;
  throw new AppError(
    "repository-refused",
    `the repository of earlier backups is not in ${visible(place.label)} any more`,
    {
      hint: `is its disk mounted? If it is gone for good, begin a new one: kvsync backup '${backup.sources[0]}' ${backup.repositoryLabel}`,
    },
  );
}

async function backUpTarget(
  run: Run,
  target: BackupTarget,
  used: UsedRepository,
  known: KnownSnapshots,
): Promise<SourceReport> {
  const { deps, request } = run;
  const { signal } = request;
  let source: OpenLocation | undefined;
  try {
    source = await openTarget(deps.locations(signal), target, { excludeDefaults: true, priority: deps.priority });
    checkApart(source, used.folder);
    const requests = await countFor(deps, source);
    const backedUp = await backUp(run, source, used, known);
    return reportOf(source.replica.label, backedUp, requests());
  } catch (error) {
    const failure = operationErrorOf(error);
    if (failure === undefined || signal.aborted || used.isToBlame(failure)) throw error;
    return { ...NOTHING, source: source?.replica.label ?? target.text, failure };
  } finally {
    await source?.replica.close();
  }
}

async function backUp(
  { deps, request, filter, made }: Run,
  source: OpenLocation,
  used: UsedRepository,
  known: KnownSnapshots,
): Promise<BackedUp> {
  const { clock, version } = deps;
  const { backup, signal, events } = request;
  const backedUp = await backUpSource(
    { clock, signal, version, used, known },
    source,
    {
      filter,
      excludeDefaults: true,
      failEmpty: "if-it-had-keys",
      tags: [...backup.tags, backupTag(backup.name)],
      ownOf: (snapshots) => ownSnapshots(backup, snapshots),
      skipUnchanged: backup.skipIfUnchanged,
      readsAll: false,
    },
    {
      onProblem: (problem) => events.onProblem?.(source.replica.label, problem),
      onProgress: ({ done: keys, total: keysTotal = null, bytesRead }) => {
        events.onProgress?.();
        events.onSourceProgress?.({ source: source.replica.label, keys, keysTotal, bytesRead });
      },
    },
  );
  if (backedUp.taken.complete) made.push({ source: sourceOf(source), filter: filterOf(source, filter, true) });
  return backedUp;
}

const NOTHING: Omit<SourceReport, "source" | "failure"> = {
  snapshot: undefined,
  complete: false,
  keys: 0,
  bytes: 0,
  read: 0,
  bytesStored: 0,
  problems: 0,
  requests: 0,
};

/** Requests of this run, where its priority is nobody else's; or else those of the whole account meanwhile. */
async function countFor({ account, priority }: PlanDeps, { account: name }: OpenLocation): Promise<() => number> {
  if (name === undefined) return () => 0;
  const { api } = await account(name);
  const { budget } = api;
  const sent = (): number =>
    priority === undefined || budget === undefined ? api.counts().total : budget.granted(priority);
  const before = sent();
  return () => sent() - before;
}

function reportOf(source: string, { taken, stored, storedBytes }: BackedUp, requests: number): SourceReport {
  const { complete, entries: keys, bytes, read, problems } = taken;
  const report = {
    source,
    snapshot: stored?.id,
    complete,
    keys,
    bytes,
    read,
    bytesStored: storedBytes,
    problems,
    requests,
  };
  return { ...report, failure: complete ? undefined : lackOf(report, taken.failure?.error) };
}

function lackOf(
  { source, problems }: Pick<SourceReport, "source" | "problems">,
  broken: AppError | undefined,
): AppError {
  const keys = `${problems} ${problems === 1 ? "key" : "keys"}`;
  if (broken === undefined)
    return new AppError("incomplete", `the snapshot of ${visible(source)} is not complete: ${keys} could not be read`, {
      hint: "the log names them; the next run reads them again",
    });
  return new AppError(
    broken.code,
    `the snapshot of ${visible(source)} is not complete: it broke off (${broken.message})`,
    {
      ...(broken.hint !== undefined && { hint: broken.hint }),
      retryable: broken.retryable,
      cause: broken,
    },
  );
}

/** How long a run that is stopped may take to put into the index what it has stored: the next run goes on from there. */
const KEEP_MS_MAX: DurationMs = 3000;

async function keepStored({ deps, used }: Run): Promise<void> {
  if (used === undefined) return;
  const over = new AbortController();
  const late = deps.clock.sleep(KEEP_MS_MAX, over.signal).catch(() => {});
  // What it cannot store now it reads again the next time.
  await Promise.race([used.keepStored().catch(() => {}), late]);
  over.abort();
}

/** Of several, one that names how many. */
function failureOf(sources: readonly SourceReport[]): AppError | undefined {
  const failures = sources.flatMap(({ failure }) => failure ?? []);
  const [first] = failures;
  if (first === undefined || failures.length === 1) return first;
  return new AppError(
    first.code,
    `${failures.length} of ${sources.length} sources failed, the first with: ${first.message}`,
    {
      ...(first.hint !== undefined && { hint: first.hint }),
      retryable: failures.some(({ retryable }) => retryable),
      cause: first,
    },
  );
}
