// One mapping over time: when its rounds run, what becomes of those that fail, and what is known meanwhile. It never ends
// by itself: what fails is tried again, with backoff, until the mapping is stopped. Rounds of one mapping never overlap.

import { backoffMs, type BackoffOptions } from "../../core/backoff.ts";
import type { MappingConfig } from "../../config/config.ts";
import type { Clock, DurationMs, EpochMs, MonotonicMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { Progress } from "../../engine/round-request.ts";
import type { Hold } from "../../journal/holds.ts";
import type { MappingEvent } from "../daemon-event.ts";
import { openDirtyPaths } from "./dirty-paths.ts";
import type { Heartbeat } from "../heartbeats.ts";
import { operationErrorOf } from "../../journal/operation-error.ts";
import type { RoundGate } from "./round-gate.ts";
import type { MappingRounds, RoundCall, RoundReport } from "../../mapping/round-port.ts";
import { type FullReason, nextStep } from "./schedule.ts";
import type { WatchEvents, Watcher } from "../watch/watcher.ts";

export interface LoopDeps {
  readonly clock: Clock;
  readonly mapping: MappingConfig;
  readonly rounds: MappingRounds;
  readonly gate: RoundGate;
  /** Watches the mapping's folder. Not called in a pull, whose files nobody is to change. */
  readonly openWatcher: (events: WatchEvents) => Promise<Watcher>;
  /** How much longer polls must be apart than the mapping asks for: at least 1. */
  readonly pollStretch: () => number;
  readonly heartbeat: Heartbeat;
  readonly onEvent: (event: MappingEvent) => void;
}

/** What a loop knows of its mapping now. */
export interface LoopState {
  readonly startedAt: EpochMs;
  readonly activity: Activity | undefined;
  /** The last look at everything that came to an end, in a hold or not. */
  readonly look: RoundReport | undefined;
  readonly lastRound: RoundReport | undefined;
  readonly hold: Hold | undefined;
  readonly failure: Failure | undefined;
  readonly dirty: number;
  /** Everything may have changed. */
  readonly lost: boolean;
  /** The last round left something that is looked at again. */
  readonly leftover: boolean;
  readonly pollEveryMs: DurationMs | undefined;
  readonly watcher: Watcher | undefined;
}

export interface Activity {
  readonly step: "full" | "dirty";
  readonly startedAt: EpochMs;
  /** Undefined: it waits for its turn among the mappings. */
  readonly progress: Progress | undefined;
  readonly queued: boolean;
}

export interface Failure {
  readonly error: AppError;
  readonly since: EpochMs;
  readonly retryAt: EpochMs;
  readonly repeats: number;
}

type OpenFailure = Omit<Failure, "retryAt"> & {
  /** When it is tried again. */
  readonly dueAt: MonotonicMs;
};

export interface MappingLoop {
  readonly mapping: MappingConfig;
  state(): LoopState;
  /** The last look at everything. */
  looked(): RoundReport | undefined;
  /** Looks at everything as soon as it can, also in a backoff. Resolves with that round's report; rejects with what it
   * failed with, or AppError `interrupted` if the mapping is stopped first. */
  look(): Promise<RoundReport>;
  /** As {@link MappingRounds.approve}; the plan runs with the next look. */
  approve(plan: string): boolean;
  /** Resolves when nothing runs any more. What runs may end by itself until `deadline` resolves; then it is broken off. */
  stop(deadline: Promise<void>): Promise<void>;
  /** Settles when the loop has ended; rejects with a bug. */
  readonly ended: Promise<void>;
}

/** The longest wait before the first retry, and before any. */
const RETRY_BACKOFF: BackoffOptions = { baseMs: 2000, capMs: 300_000 };
/** A folder that is missing costs nothing to look for. */
const LOCAL_RETRY_BACKOFF: BackoffOptions = { baseMs: 1000, capMs: 10_000 };
/** Failures of this machine, which cost no request to find again. */
const LOCAL_FAILURES: ReadonlySet<AppError["code"]> = new Set(["root-missing", "io", "disk-full"]);
const RETRY_MS_MIN = 500;
/** Keys that failed and may do better: a file that is written for minutes is looked at again for as long. */
const AGAIN_BACKOFF: BackoffOptions = { baseMs: 1000, capMs: 300_000 };

/** How long a round may show no progress and still be alive: a rate limit is waited out for ten minutes, and six tries
 * of one request may take a quarter of an hour. */
export const ROUND_SILENCE_MS_MAX: DurationMs = 1_800_000;
/** A thousand mappings may each have a first round of minutes before this one has its turn. */
const QUEUE_MS_MAX: DurationMs = 7 * 86_400_000;
const BEAT_INTERVAL_MS: DurationMs = 10_000;

interface Asker {
  readonly resolve: (report: RoundReport) => void;
  readonly reject: (error: unknown) => void;
}

export function openMappingLoop(deps: LoopDeps): MappingLoop {
  const { clock, mapping, rounds, heartbeat, onEvent } = deps;
  const startedAt = clock.now();
  const watches = mapping.mode !== "pull";
  const polls = mapping.mode !== "push";
  const dirty = openDirtyPaths();
  let dirtyAt: MonotonicMs = clock.monotonic();
  let askers: Asker[] = [];
  let watcher: Watcher | undefined;
  let activity: Activity | undefined;
  let look: RoundReport | undefined;
  /** When the round of `look` began. */
  let lookedAt: MonotonicMs | undefined;
  let lastRound: RoundReport | undefined;
  let hold: Hold | undefined = rounds.hold();
  let failure: OpenFailure | undefined;
  let againAt: MonotonicMs | undefined;
  let again = 0;
  let endedAt: MonotonicMs | undefined;
  let wasDirty = false;
  let beatAt: MonotonicMs = clock.monotonic();
  let stopping = false;
  let wake: AbortController | undefined;
  let isBrokenOff = false;
  /** Of the round that runs now. One for each, so that nothing of a round hangs on to what lives for months. */
  let running = new AbortController();

  const stopped = (): AppError => new AppError("interrupted", `mapping "${mapping.name}" was stopped`);
  const poke = (): void => wake?.abort();
  const beat = (): void => {
    beatAt = clock.monotonic();
    heartbeat.beat();
  };
  const pollEveryMs = (): DurationMs | undefined => (polls ? mapping.pollIntervalMs * deps.pollStretch() : undefined);

  const watchEvents: WatchEvents = {
    onDirty: (paths) => {
      dirty.add(paths);
      dirtyAt = Math.min(dirtyAt, clock.monotonic()) as MonotonicMs;
      poke();
    },
    onRescan: (reason) => {
      dirty.lose();
      onEvent({ kind: "rescan", reason });
      poke();
    },
  };

  async function run(): Promise<void> {
    if (watches) watcher = await deps.openWatcher(watchEvents);
    if (watcher !== undefined) onEvent({ kind: "watcher", state: watcher.state() });
    for (;;) {
      if (stopping) return;
      const step = nextStep(
        {
          lookedAt,
          pollEveryMs: pollEveryMs(),
          rescanEveryMs: watches ? mapping.rescanIntervalMs : undefined,
          againAt,
          retryAt: failure?.dueAt,
          asked: askers.length > 0,
          lost: dirty.isLost,
          dirtyAt: dirty.size > 0 ? dirtyAt : undefined,
          held: hold !== undefined,
          endedAt,
          wasDirty,
        },
        clock.monotonic(),
      );
      if (step.kind === "wait") await sleepUntil(step.until);
      else await turn(step.kind, step.kind === "full" ? step.reasons : []);
    }
  }

  async function sleepUntil(until: MonotonicMs): Promise<void> {
    const sleep = new AbortController();
    const waitMs = Math.max(0, until - clock.monotonic());
    wake = sleep;
    heartbeat.beat(waitMs + ROUND_SILENCE_MS_MAX);
    try {
      await clock.sleep(waitMs, sleep.signal);
    } catch (error) {
      if (!sleep.signal.aborted) throw error;
    } finally {
      wake = undefined;
    }
  }

  /** Waits for its turn among the mappings, and runs one round. */
  async function turn(kind: "full" | "dirty", reasons: readonly FullReason[]): Promise<void> {
    activity = { step: kind, startedAt: clock.now(), progress: undefined, queued: true };
    heartbeat.beat(QUEUE_MS_MAX);
    try {
      await deps.gate.run(kind, async () => {
        if (stopping) return;
        beat();
        activity = { step: kind, startedAt: clock.now(), progress: undefined, queued: false };
        onEvent({ kind: "round-began", step: kind, reasons });
        await (kind === "full" ? fullRound(reasons) : dirtyRound());
      });
    } finally {
      activity = undefined;
      endedAt = clock.monotonic();
      wasDirty = kind === "dirty";
    }
  }

  async function fullRound(reasons: readonly FullReason[]): Promise<void> {
    // A poll is about the remote, and at the start the watches are new; any other look may be for what they missed.
    if (reasons.some((reason) => reason !== "poll" && reason !== "start")) await watcher?.refresh();
    // Whatever changes from here on is dirty again.
    dirty.take();
    const waiting = askers;
    askers = [];
    const began = clock.monotonic();
    try {
      const report = await rounds.full(call());
      onLook(report, began);
      onSuccess("full", report);
      for (const asker of waiting) asker.resolve(report);
    } catch (error) {
      const failed = onFailure(error);
      for (const asker of waiting) asker.reject(failed ?? error);
      if (failed === undefined) throw error;
    }
  }

  async function dirtyRound(): Promise<void> {
    const paths = dirty.take();
    const began = clock.monotonic();
    try {
      const report = await rounds.dirty(paths, call());
      onSuccess("dirty", report);
      if (report.isFull) onLook(report, began);
      else if (report.transient > 0) {
        dirty.add(paths);
        dirtyAt = (clock.monotonic() + backoffMs(again++, AGAIN_BACKOFF, clock.random())) as MonotonicMs;
      } else {
        again = 0;
        dirtyAt = clock.monotonic();
      }
    } catch (error) {
      if (onFailure(error) === undefined) throw error;
    }
  }

  function call(): RoundCall {
    running = new AbortController();
    if (isBrokenOff) running.abort(stopped());
    return {
      signal: running.signal,
      onProgress: (progress) => {
        if (clock.monotonic() - beatAt > BEAT_INTERVAL_MS) beat();
        if (activity !== undefined) activity = { ...activity, progress };
      },
    };
  }

  function onSuccess(step: "full" | "dirty", report: RoundReport): void {
    lastRound = report;
    if (failure !== undefined) onEvent({ kind: "recovered" });
    failure = undefined;
    const heldBefore = hold;
    hold = report.hold;
    onEvent({ kind: "round-ended", step, report });
    if (hold !== undefined && hold.plan !== heldBefore?.plan) onEvent({ kind: "held", hold });
    if (hold === undefined && heldBefore !== undefined) onEvent({ kind: "lifted" });
  }

  function onLook(report: RoundReport, began: MonotonicMs): void {
    look = report;
    lookedAt = began;
    againAt = againAfter(report, began);
  }

  /** When to look again at what this round left, if it left anything. */
  function againAfter({ transient, result }: RoundReport, began: MonotonicMs): MonotonicMs | undefined {
    const times: number[] = [];
    if (transient > 0) times.push(clock.monotonic() + backoffMs(again++, AGAIN_BACKOFF, clock.random()));
    else again = 0;
    if (result.lagging > 0) times.push(began + Math.max(mapping.settleWindowMs, AGAIN_BACKOFF.baseMs));
    return times.length === 0 ? undefined : (Math.min(...times) as MonotonicMs);
  }

  /** By the time of day that it is now, whatever it was when the failure happened. */
  function toldFailure({ dueAt, ...told }: OpenFailure): Failure {
    return { ...told, retryAt: Math.round(clock.now() + dueAt - clock.monotonic()) as EpochMs };
  }

  /** Undefined: it is a bug. */
  function onFailure(thrown: unknown): AppError | undefined {
    const error = operationErrorOf(thrown);
    if (error === undefined || isBrokenOff) return error;
    const repeats = failure?.error.code === error.code ? failure.repeats + 1 : 0;
    const backoff = LOCAL_FAILURES.has(error.code) ? LOCAL_RETRY_BACKOFF : RETRY_BACKOFF;
    const retryInMs = Math.max(RETRY_MS_MIN, backoffMs(repeats, backoff, clock.random()));
    const dueAt = (clock.monotonic() + retryInMs) as MonotonicMs;
    failure = { error, since: failure?.since ?? clock.now(), dueAt, repeats };
    onEvent({ kind: "failed", error, retryInMs, repeats });
    return error;
  }

  const loop = run();
  let isOver = false;
  const ended = loop.finally(async () => {
    isOver = true;
    for (const asker of askers) asker.reject(stopped());
    askers = [];
    heartbeat.close();
    await watcher?.close();
    await rounds.close();
  });
  return {
    mapping,
    looked: () => look,
    state: () => ({
      startedAt,
      activity,
      look,
      lastRound,
      hold,
      failure: failure === undefined ? undefined : toldFailure(failure),
      dirty: dirty.size,
      lost: dirty.isLost,
      leftover: againAt !== undefined,
      pollEveryMs: pollEveryMs(),
      watcher,
    }),
    look: () =>
      new Promise((resolve, reject) => {
        if (stopping) return reject(stopped());
        askers.push({ resolve, reject });
        poke();
      }),
    approve: (plan) => {
      if (!rounds.approve(plan)) return false;
      hold = rounds.hold();
      return true;
    },
    stop: async (deadline) => {
      stopping = true;
      poke();
      deadline.then(
        () => {
          if (isOver) return;
          isBrokenOff = true;
          running.abort(stopped());
        },
        // The deadline was called off, since all has ended.
        () => {},
      );
      await ended;
    },
    ended,
  };
}
