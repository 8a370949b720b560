// When a hook runs: after a quiet moment, one run at a time, with all that came together since the last one. What a run
// that failed was told is told again: soon, a few times, and then along with the next news.

import type { LimitFunction } from "p-limit";
import { backoffMs } from "../../core/backoff.ts";
import type { Clock, DurationMs, EpochMs } from "../../core/clock.ts";
import { renderDuration } from "../../core/units.ts";
import type { HookLog } from "./hook-log.ts";
import { type HookBatch, openNews } from "./hook-news.ts";
import type { HookOutcome } from "./run-hook.ts";

/** While news keep coming, a hook runs at the latest after this many times its debounce. */
const DEBOUNCE_STRETCH_MAX = 10;
/** After a failure that many more runs, and then none until there is news. */
export const RETRIES_MAX = 4;
const RETRY = { baseMs: 5000, capMs: 60_000 };
/** A program that has just failed is not started again at once, whatever chance says. */
const RETRY_WAIT_MIN_MS: DurationMs = 1000;
export interface HookFailure {
  readonly reason: string;
  readonly stderr: string;
  readonly failedAt: EpochMs;
  /** Failed runs in a row. */
  readonly attempts: number;
}

export interface HookQueueDeps {
  readonly clock: Clock;
  readonly log: HookLog;
  /** For messages: `on_change`. */
  readonly name: string;
  readonly debounceMs: DurationMs;
  readonly run: (batch: HookBatch, signal: AbortSignal) => Promise<HookOutcome>;
  readonly limit: LimitFunction;
}

export interface HookQueue {
  add(lines: Iterable<readonly [about: string, line: string]>, more: number): void;
  /** The last run's failure, until a run goes well. */
  failure(): HookFailure | undefined;
  /** Runs what is pending at once and once, waits for it up to `deadlineMs`, or until `signal` is aborted, and then ends it. Takes no more news. */
  close(deadlineMs: DurationMs, signal?: AbortSignal): Promise<void>;
}

export function openHookQueue(deps: HookQueueDeps): HookQueue {
  const { clock, log, name, debounceMs, limit } = deps;
  const closing = new AbortController();
  const ending = new AbortController();
  const news = openNews();
  let failure: HookFailure | undefined;
  let isServing = false;
  let served: Promise<void> = Promise.resolve();
  /** Wakes a debounce when there is news. */
  let wake = new AbortController();

  async function serve(): Promise<void> {
    while (news.count() > 0) {
      await untilQuiet();
      const outcome = await limit(runOnce);
      if (outcome.kind === "done") {
        if (failure !== undefined) log.info(`${name} works again`, { hook: name });
        failure = undefined;
        continue;
      }
      const { reason, stderr } = outcome;
      failure = { reason, stderr, failedAt: clock.now(), attempts: (failure?.attempts ?? 0) + 1 };
      if (!(await mayRetry(failure))) break;
    }
    // At once, not when the promise is: news that come in between must start anew.
    isServing = false;
  }

  /** Waits before the next attempt. False: there is to be none for now. */
  async function mayRetry({ reason, stderr, attempts }: HookFailure): Promise<boolean> {
    const fields = { hook: name, attempts, ...(stderr === "" ? {} : { stderr }) };
    const retry = (attempts - 1) % (RETRIES_MAX + 1);
    if (closing.signal.aborted || (retry === RETRIES_MAX && !news.isNew())) {
      const end = closing.signal.aborted
        ? "kvsync stops, and does not run it again"
        : "it runs again when there is news";
      log.error(`${name} ${reason}; ${end}`, { ...fields, missed: news.count() });
      return false;
    }
    const waitMs = RETRY_WAIT_MIN_MS + backoffMs(retry, RETRY, clock.random());
    log.warn(`${name} ${reason}; again in ${renderDuration(waitMs)}`, fields);
    await pause(waitMs, closing.signal);
    return true;
  }

  async function runOnce(): Promise<HookOutcome> {
    if (ending.signal.aborted) return { kind: "failed", reason: "was not started, since kvsync stops", stderr: "" };
    const batch = news.take();
    const startedAt = clock.monotonic();
    const outcome = await deps.run(batch, ending.signal);
    const durationMs = Math.round(clock.monotonic() - startedAt);
    const fields = { hook: name, count: batch.lines.size + batch.more, durationMs };
    if (outcome.kind === "done") log.debug(`${name} ran`, fields);
    else news.putBack(batch);
    return outcome;
  }

  async function untilQuiet(): Promise<void> {
    const since = clock.monotonic();
    do {
      const leftMs = since + debounceMs * DEBOUNCE_STRETCH_MAX - clock.monotonic();
      if (leftMs <= 0) return;
      wake = new AbortController();
      await pause(Math.min(debounceMs, leftMs), AbortSignal.any([closing.signal, wake.signal]));
    } while (wake.signal.aborted && !closing.signal.aborted);
  }

  /** Sleeps, but not beyond `signal`. */
  async function pause(duration: DurationMs, signal: AbortSignal): Promise<void> {
    await clock.sleep(duration, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  function start(): void {
    if (isServing || news.count() === 0) return;
    isServing = true;
    served = serve();
  }

  return {
    add(lines, uncounted) {
      if (closing.signal.aborted) return;
      news.add(lines, uncounted);
      wake.abort();
      start();
    },
    failure: () => failure,
    async close(deadlineMs, signal) {
      closing.abort();
      start();
      const finished = new AbortController();
      const deadline = pause(deadlineMs, anyOf(finished.signal, signal)).then(() => ending.abort());
      await served;
      finished.abort();
      await deadline;
    },
  };
}

function anyOf(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? one : AbortSignal.any([one, other]);
}
