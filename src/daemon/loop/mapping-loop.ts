// One mapping over time: when its rounds run, what becomes of those that fail, and what is known meanwhile. It never ends
// by itself: what fails is tried again, with backoff, until the mapping is stopped. Rounds of one mapping never overlap.

import type { DurationMs, MonotonicMs } from "../../core/clock.ts";
import {
  breakOff,
  breakOffAt,
  filesLookAt,
  type LiveLoop,
  openLiveLoop,
  pollEveryMs,
  rejectAskers,
} from "./live-loop.ts";
import { stopped, tellIdle, viewOf, wasPaused, wakeUp } from "./live-loop.ts";
import type { LoopDeps, MappingLoop } from "./loop-port.ts";
import { changedRound, dirtyRound, dirtyWork, errand, firstRound, fullRound, keepCursor, look } from "./loop-rounds.ts";
import { beat, ROUND_SILENCE_MS_MAX, watchEvents } from "./loop-rounds.ts";
import { scheduleOf, turnEnded } from "./loop-state.ts";
import { pausedError } from "../../mapping/paused.ts";
import { type FullReason, nextStep } from "./schedule.ts";

/** A thousand mappings may each have a first round of minutes before this one has its turn. */
const QUEUE_MS_MAX: DurationMs = 7 * 86_400_000;

export function openMappingLoop(deps: LoopDeps): MappingLoop {
  const { mapping, rounds, heartbeat } = deps;
  const loop = openLiveLoop(deps);
  let isOver = false;
  const ended = run(loop).finally(async () => {
    isOver = true;
    rejectAskers(loop, stopped(loop));
    tellIdle(loop);
    heartbeat.close();
    await loop.watcher?.close();
    await loop.feed?.close();
    await rounds.close();
  });
  return {
    mapping,
    isPaused: () => loop.paused !== undefined,
    isFed: () => loop.feed?.isFed === true,
    lastFullRound: () => loop.state.fullRound,
    state: () => viewOf(loop),
    sync: () =>
      new Promise((resolve, reject) => {
        if (loop.stopping) return reject(stopped(loop));
        if (loop.paused !== undefined) return reject(pausedError(loop.paused));
        loop.askers.push({ resolve, reject });
        wakeUp(loop);
      }),
    conflicts: rounds,
    resolve: (choice) =>
      new Promise((resolve, reject) => {
        if (loop.stopping) return reject(stopped(loop));
        if (loop.paused !== undefined) return reject(pausedError(loop.paused));
        loop.errands.push({ choice, resolve, reject });
        wakeUp(loop);
      }),
    approve: (plan) => {
      if (!rounds.approve(plan)) return false;
      loop.state = { ...loop.state, hold: rounds.hold() };
      return true;
    },
    pause: async (pause, deadline) => {
      loop.paused = pause;
      rejectAskers(loop, pausedError(pause));
      // One that waits for its turn, or for its watches, begins nothing when it has them.
      if (isOver || !loop.hasBegun || loop.activity?.queued === true) return;
      const { promise: idle, resolve } = Promise.withResolvers<void>();
      loop.idlers.push(resolve);
      wakeUp(loop);
      breakOffAt(deadline, () => {
        if (loop.paused !== undefined && loop.idlers.includes(resolve)) breakOff(loop, wasPaused(loop));
      });
      await idle;
    },
    resume: () => {
      loop.paused = undefined;
      loop.resumed = true;
      wakeUp(loop);
    },
    discarded: () => {
      loop.state = { ...loop.state, hold: undefined };
    },
    stop: async (deadline) => {
      loop.stopping = true;
      wakeUp(loop);
      breakOffAt(deadline, () => {
        if (!isOver) breakOff(loop, stopped(loop));
      });
      await ended;
    },
    ended,
  };
}

async function run(loop: LiveLoop): Promise<void> {
  const { deps, dirty } = loop;
  const { clock, mapping } = deps;
  const watches = mapping.mode !== "pull";
  if (watches) loop.watcher = await deps.openWatcher(watchEvents(loop));
  if (loop.watcher !== undefined) deps.onEvent({ kind: "watcher", state: loop.watcher.state() });
  loop.hasBegun = true;
  while (!loop.stopping) {
    loop.feed?.check();
    loop.brokenOff = undefined;
    tellIdle(loop);
    if (loop.errands.length > 0) {
      await turn(loop, "dirty", () => errand(loop));
      continue;
    }
    const step = nextStep(
      {
        ...scheduleOf(loop.state, dirty.size > 0, restAt(loop)),
        ...loop.feed?.schedule(),
        pollEveryMs: pollEveryMs(loop),
        rescanEveryMs: watches ? mapping.rescanIntervalMs : undefined,
        asked: loop.askers.length > 0,
        paused: loop.paused !== undefined,
        resumed: loop.resumed,
        lost: dirty.isLost,
        lookAt: filesLookAt(loop),
      },
      clock.monotonic(),
    );
    if (step.kind === "wait") {
      keepCursor(loop);
      if (dirty.size === 0 && !dirty.isLost && loop.paused === undefined) loop.watcher?.caughtUp();
      await sleepUntil(loop, step.until);
    } else if (step.kind === "look") await look(loop);
    else if (step.kind === "changed") await turn(loop, "dirty", () => changedRound(loop));
    else if (step.kind === "full") {
      const isFirst = step.reasons.length === 1 && step.reasons[0] === "start";
      const round = isFirst ? firstRound : fullRound;
      await turn(loop, "full", () => round(loop, step.reasons), step.reasons);
    } else {
      const work = await dirtyWork(loop);
      if (work !== undefined) await turn(loop, "dirty", () => dirtyRound(loop, work));
    }
  }
}

/** When the next of the files that are being written may be at rest; undefined: there is none. */
function restAt({ deps }: LiveLoop): MonotonicMs | undefined {
  const times = deps.rounds.resting().map(({ dueAt }) => dueAt);
  return times.length === 0 ? undefined : times.reduce((first, at) => (at < first ? at : first));
}

async function sleepUntil(loop: LiveLoop, until: MonotonicMs): Promise<void> {
  const { clock, heartbeat } = loop.deps;
  const sleep = new AbortController();
  const waitMs = Math.max(0, until - clock.monotonic());
  loop.wake = sleep;
  heartbeat.beat(waitMs + ROUND_SILENCE_MS_MAX);
  try {
    await clock.sleep(waitMs, sleep.signal);
  } catch (error) {
    if (!sleep.signal.aborted) throw error;
  } finally {
    loop.wake = undefined;
  }
}

/** Waits for its turn among the mappings, and runs one round. */
async function turn(
  loop: LiveLoop,
  step: "full" | "dirty",
  round: () => Promise<void>,
  reasons: readonly FullReason[] = [],
): Promise<void> {
  const { clock, heartbeat, gate, onEvent } = loop.deps;
  loop.activity = { step, startedAt: clock.now(), progress: undefined, queued: true };
  heartbeat.beat(QUEUE_MS_MAX);
  try {
    await gate.run(step, async () => {
      if (loop.stopping || loop.paused !== undefined) return;
      beat(loop);
      loop.activity = { step, startedAt: clock.now(), progress: undefined, queued: false };
      onEvent({ kind: "round-began", step, reasons });
      await round();
    });
  } finally {
    loop.activity = undefined;
    loop.state = turnEnded(loop.state, step, clock.monotonic());
  }
}
