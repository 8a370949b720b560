// One backup over time: when it runs, what becomes of a run that fails, and what is known meanwhile. It never ends by itself, and what
// fails in it is tried again; no mapping waits for it.

import type { LimitFunction } from "p-limit";
import type { BackupMemory } from "../../backups/backup-memory.ts";
import type { BackupReport } from "../../backups/backup-report.ts";
import { dueIn, retryIn } from "../../backups/backup-schedule.ts";
import { type BackupProgress, type BackupStatus, backupStatus } from "../../backups/backup-status.ts";
import type { StoreRetry } from "../../backup/store/store.ts";
import type { BackupConfig, BackupSchedule } from "../../config/config.ts";
import type { Clock, DurationMs, EpochMs, MonotonicMs } from "../../core/clock.ts";
import type { AppError } from "../../core/errors.ts";
import type { Problem } from "../../core/problem.ts";
import { operationErrorOf } from "../../journal/operation-error.ts";
import type { Heartbeat } from "../heartbeats.ts";

interface BackupProblem {
  /** Of the source that it is about. */
  readonly source: string;
  readonly problem: Problem;
}

export type BackupEvent =
  | { readonly kind: "backup-began" }
  | {
      readonly kind: "backup-ended";
      readonly report: BackupReport;
      readonly memory: BackupMemory;
      /** The first of them. */
      readonly problems: readonly BackupProblem[];
      readonly nextInMs: DurationMs;
      /** The run before it failed. */
      readonly wasFailing: boolean;
      /** Of a failure: it is the first, or the last one was told long ago. */
      readonly isNews: boolean;
    }
  /** A request to the repository failed, and is sent again. Told at first, and each half minute. */
  | { readonly kind: "backup-retrying"; readonly error: AppError; readonly waitMs: DurationMs }
  /** What is remembered of it could not be read or written. */
  | { readonly kind: "backup-stuck"; readonly error: AppError; readonly retryInMs: DurationMs }
  | { readonly kind: "backup-stopped" };

export interface BackupCall {
  readonly signal: AbortSignal;
  readonly memory: BackupMemory;
  readonly onProblem: (source: string, problem: Problem) => void;
  readonly onProgress: () => void;
  readonly onSourceProgress: (progress: BackupProgress) => void;
  readonly onStoreRetry: (retry: StoreRetry) => void;
}

export interface BackupLoopDeps {
  readonly clock: Clock;
  readonly backup: BackupConfig & { readonly schedule: BackupSchedule };
  readonly timeZone: string;
  /** What is remembered, read anew: somebody may have run it by hand. */
  readonly recall: () => BackupMemory;
  /** Throws the reason of an aborted signal, and a bug. */
  readonly run: (call: BackupCall) => Promise<BackupReport>;
  readonly remember: (report: BackupReport) => BackupMemory;
  /** One run at a time in a repository. */
  readonly gate: LimitFunction;
  readonly heartbeat: Heartbeat;
  readonly onEvent: (event: BackupEvent) => void;
}

export interface BackupLoop {
  readonly backup: BackupConfig;
  status(): BackupStatus;
  /** Runs it now, whenever it is due, unless it runs already. */
  runNow(): void;
  /** A run under way is broken off: the next one goes on with what it has stored. */
  stop(): Promise<void>;
  /** Settles when it has ended; rejects with a bug. */
  readonly ended: Promise<void>;
}

/** The time of day may be set: it is looked at so often. A change of what is remembered is seen as soon. */
const LOOK_MS: DurationMs = 30_000;
/** How long a run may show no progress and still be alive: a rate limit is waited out for ten minutes, and six tries of one request may take a
 * quarter of an hour. */
const RUN_SILENCE_MS_MAX: DurationMs = 1_800_000;
/** Those before it in the repository may take hours. Each of them says itself whether it is alive. */
const QUEUE_MS_MAX: DurationMs = 7 * 86_400_000;
/** Progress comes with each request: so often it counts as a beat. */
const BEAT_MS: DurationMs = 1000;
const PROBLEMS_KEPT_MAX = 20;
/** A failure that lasts is told again. */
const TELL_AGAIN_MS: DurationMs = 86_400_000;
const RETRY_TOLD_MS: DurationMs = 30_000;
const STUCK_RETRY_MS: DurationMs = 60_000;

interface Loop {
  readonly deps: BackupLoopDeps;
  readonly stopping: AbortController;
  memory: BackupMemory | undefined;
  /** The run of this process that is remembered as the last one. */
  lastRun: { readonly at: EpochMs; readonly monotonic: MonotonicMs } | undefined;
  /** What is remembered lies in the future: it counts as of the moment when that was seen. */
  future: { readonly since: EpochMs; readonly as: EpochMs } | undefined;
  /** For the run after the one that began then. */
  jitter: { readonly since: EpochMs; readonly ms: DurationMs } | undefined;
  retryAt: MonotonicMs | undefined;
  runningSince: EpochMs | undefined;
  progress: BackupProgress | undefined;
  /** A person asked for a run. */
  isAsked: boolean;
  /** Ends the wait for the next run. */
  waking: AbortController;
  toldAt: MonotonicMs | undefined;
}

export function openBackupLoop(deps: BackupLoopDeps): BackupLoop {
  const loop: Loop = {
    deps,
    stopping: new AbortController(),
    memory: undefined,
    lastRun: undefined,
    future: undefined,
    jitter: undefined,
    retryAt: undefined,
    runningSince: undefined,
    progress: undefined,
    isAsked: false,
    waking: new AbortController(),
    toldAt: undefined,
  };
  const { clock, backup, heartbeat, onEvent } = deps;
  const ended = run(loop).finally(() => {
    heartbeat.close();
    onEvent({ kind: "backup-stopped" });
  });
  return {
    backup,
    status: () =>
      backupStatus(backup, loop.memory, {
        nextAt:
          loop.runningSince !== undefined || loop.memory === undefined
            ? undefined
            : (Math.round(clock.now() + waitOf(loop, loop.memory)) as EpochMs),
        runningSince: loop.runningSince,
        progress: loop.progress,
      }),
    runNow: () => {
      if (loop.runningSince !== undefined) return;
      loop.isAsked = true;
      loop.waking.abort();
    },
    stop: async () => {
      loop.stopping.abort();
      await ended;
    },
    ended,
  };
}

async function run(loop: Loop): Promise<void> {
  const { deps, stopping } = loop;
  while (!stopping.signal.aborted) {
    loop.waking = new AbortController();
    const waitMs = await next(loop);
    if (waitMs <= 0 || stopping.signal.aborted) continue;
    deps.heartbeat.beat(waitMs + RUN_SILENCE_MS_MAX);
    const over = AbortSignal.any([stopping.signal, loop.waking.signal]);
    await deps.clock.sleep(waitMs, over).catch((error: unknown) => {
      if (!over.aborted) throw error;
    });
  }
}

/** Runs the backup if it is due. Resolves with how long to wait before it is asked for again. */
async function next(loop: Loop): Promise<DurationMs> {
  const { deps, stopping } = loop;
  try {
    const memory = deps.recall();
    if (loop.memory === undefined && memory.failure !== null) loop.retryAt = retryAt(loop, memory);
    loop.memory = memory;
    const { isAsked } = loop;
    loop.isAsked = false;
    const waitMs = isAsked ? 0 : waitOf(loop, memory);
    if (waitMs > 0) return Math.min(waitMs, LOOK_MS);
    deps.heartbeat.beat(QUEUE_MS_MAX);
    await deps.gate(() => (stopping.signal.aborted ? undefined : runOnce(loop, memory)));
    return 0;
  } catch (error) {
    if (stopping.signal.aborted) return 0;
    const failure = operationErrorOf(error);
    if (failure === undefined) throw error;
    // A journal that cannot be written, say: the rounds of mappings fail of it, too.
    deps.onEvent({ kind: "backup-stuck", error: failure, retryInMs: STUCK_RETRY_MS });
    return STUCK_RETRY_MS;
  }
}

function waitOf(loop: Loop, { lastRun, knownSince }: BackupMemory): DurationMs {
  const { clock, backup, timeZone } = loop.deps;
  const now = { wall: clock.now(), monotonic: clock.monotonic() };
  const remembered = lastRun?.startedAt ?? knownSince;
  if (remembered > now.wall && loop.future?.since !== remembered) loop.future = { since: remembered, as: now.wall };
  const since = loop.future?.since === remembered ? loop.future.as : remembered;
  const times = {
    since,
    sinceMonotonic: loop.lastRun?.at === lastRun?.startedAt ? loop.lastRun?.monotonic : undefined,
    hasRun: lastRun !== null,
  };
  if (loop.jitter?.since !== remembered) loop.jitter = { since: remembered, ms: clock.random() * backup.jitterMs };
  const dueMs = Math.max(0, dueIn(backup.schedule, times, now, timeZone) + loop.jitter.ms);
  return loop.retryAt === undefined ? dueMs : Math.min(dueMs, Math.max(0, loop.retryAt - now.monotonic));
}

async function runOnce(loop: Loop, before: BackupMemory): Promise<void> {
  const { deps, stopping } = loop;
  const { clock, heartbeat, onEvent } = deps;
  const problems: BackupProblem[] = [];
  const began = clock.monotonic();
  loop.runningSince = clock.now();
  loop.isAsked = false;
  heartbeat.beat(RUN_SILENCE_MS_MAX);
  onEvent({ kind: "backup-began" });
  try {
    const report = await deps.run({
      signal: stopping.signal,
      memory: before,
      onProblem: (source, problem) => {
        if (problems.length < PROBLEMS_KEPT_MAX) problems.push({ source, problem });
      },
      onProgress: beatingOf(loop),
      onSourceProgress: (progress) => {
        loop.progress = progress;
      },
      onStoreRetry: tellingOf(loop),
    });
    loop.lastRun = { at: report.startedAt, monotonic: began };
    const memory = deps.remember(report);
    loop.memory = memory;
    loop.retryAt = memory.failure === null ? undefined : retryAt(loop, memory);
    loop.runningSince = undefined;
    loop.progress = undefined;
    const isNews = isWorthTelling(loop, memory);
    if (isNews) loop.toldAt = clock.monotonic();
    onEvent({
      kind: "backup-ended",
      report,
      memory,
      problems,
      nextInMs: waitOf(loop, memory),
      wasFailing: before.failure !== null,
      isNews,
    });
  } finally {
    loop.runningSince = undefined;
    loop.progress = undefined;
  }
}

/** A run that hangs stops beating. */
function beatingOf({ deps: { clock, heartbeat } }: Loop): () => void {
  let last = clock.monotonic();
  return () => {
    const now = clock.monotonic();
    if (now - last < BEAT_MS) return;
    last = now;
    heartbeat.beat(RUN_SILENCE_MS_MAX);
  };
}

function tellingOf({ deps: { clock, onEvent } }: Loop): (retry: StoreRetry) => void {
  let toldAt: MonotonicMs | undefined;
  return (retry) => {
    const now = clock.monotonic();
    if (toldAt !== undefined && now - toldAt < RETRY_TOLD_MS) return;
    toldAt = now;
    onEvent({ kind: "backup-retrying", ...retry });
  };
}

function isWorthTelling({ deps, toldAt }: Loop, { failure }: BackupMemory): boolean {
  if (failure === null) return false;
  return failure.attempts === 1 || toldAt === undefined || deps.clock.monotonic() - toldAt >= TELL_AGAIN_MS;
}

/** Undefined: not before the next one is due. */
function retryAt({ deps }: Loop, { failure, lastRun }: BackupMemory): MonotonicMs | undefined {
  const { clock } = deps;
  const isIncomplete = failure?.code === "incomplete" && lastRun !== null;
  const waitMs = retryIn({ attempts: failure?.attempts ?? 1, isIncomplete }, clock.random());
  return waitMs === undefined ? undefined : ((clock.monotonic() + waitMs) as MonotonicMs);
}
