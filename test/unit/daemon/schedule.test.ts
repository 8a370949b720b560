// When a mapping does what, as a table.

import { describe, expect, it } from "vitest";
import type { MonotonicMs } from "../../../src/core/clock.ts";
import {
  HELD_ROUND_MS,
  nextStep,
  type NextStep,
  type ScheduleState,
  WAIT_MS_MAX,
} from "../../../src/daemon/loop/schedule.ts";

const now = 1_800_000_000_000 as MonotonicMs;
const ago = (ms: number): MonotonicMs => (now - ms) as MonotonicMs;
const minute = 60_000;
const hour = 60 * minute;

const inStep: ScheduleState = {
  lookedAt: ago(1000),
  pollEveryMs: minute,
  rescanEveryMs: hour,
  againAt: undefined,
  removeAt: undefined,
  retryAt: undefined,
  asked: false,
  paused: false,
  resumed: false,
  lost: false,
  dirtyAt: undefined,
  lookAt: undefined,
  held: false,
  endedAt: ago(500),
  wasDirty: false,
};

const full = (...reasons: Extract<NextStep, { kind: "full" }>["reasons"]): NextStep => ({ kind: "full", reasons });
const dirty: NextStep = { kind: "dirty" };
const wait = (ms: number): NextStep => ({ kind: "wait", until: (now + ms) as MonotonicMs });

const rows: readonly [situation: string, state: Partial<ScheduleState>, step: NextStep][] = [
  ["at the start", { lookedAt: undefined }, full("start")],
  ["in step, until the next poll", {}, wait(minute - 1000)],
  ["a poll is due", { lookedAt: ago(minute) }, full("poll")],
  ["a push is not polled, but rescanned", { pollEveryMs: undefined }, wait(hour - 1000)],
  ["a rescan is due", { pollEveryMs: undefined, lookedAt: ago(hour) }, full("rescan")],
  ["both are due", { lookedAt: ago(hour) }, full("poll", "rescan")],
  ["a file changed", { dirtyAt: now }, dirty],
  ["a file changed and a poll is due: the edit goes first", { dirtyAt: now, lookedAt: ago(minute) }, dirty],
  [
    "after a round over some keys a poll has its turn",
    { dirtyAt: now, lookedAt: ago(minute), wasDirty: true },
    full("poll"),
  ],
  ["a file failed a moment ago", { dirtyAt: (now + 2000) as MonotonicMs }, wait(2000)],
  ["the watcher lost track", { lost: true }, full("watch")],
  ["the files are to be looked at", { lookAt: now }, { kind: "look" }],
  ["the files are to be looked at before long", { lookAt: (now + 400) as MonotonicMs }, wait(400)],
  [
    "a look at the files goes first: what it finds is in the same round",
    { lookAt: now, dirtyAt: now },
    { kind: "look" },
  ],
  ["a poll is due, which looks at the files as well", { lookAt: now, lookedAt: ago(minute) }, full("poll")],
  ["held: the files are looked at all the same", { lookAt: now, held: true }, { kind: "look" }],
  ["in error: no look at the files", { lookAt: now, retryAt: (now + 3000) as MonotonicMs }, wait(3000)],
  ["something lags", { againAt: (now + 5000) as MonotonicMs }, wait(5000)],
  ["what lagged is due", { againAt: now }, full("again")],
  ["somebody asks", { asked: true }, full("asked")],
  ["in error: all else waits", { retryAt: (now + 3000) as MonotonicMs, dirtyAt: now, lost: true }, wait(3000)],
  ["in error: the retry is due", { retryAt: now, dirtyAt: now }, full("retry")],
  ["in error: who asks need not wait", { retryAt: (now + 3000) as MonotonicMs, asked: true }, full("asked")],
  [
    "held: a change is no round over some keys",
    { held: true, dirtyAt: now, endedAt: ago(500) },
    wait(HELD_ROUND_MS - 500),
  ],
  [
    "held: changes are planned anew after a while",
    { held: true, dirtyAt: now, endedAt: ago(HELD_ROUND_MS) },
    full("watch"),
  ],
  ["held: it is polled as ever", { held: true, lookedAt: ago(minute) }, full("poll")],
  ["held: somebody approved", { held: true, asked: true }, full("asked")],
  ["nothing is due for a month", { pollEveryMs: undefined, rescanEveryMs: 720 * hour }, wait(WAIT_MS_MAX)],
];

describe("nextStep", () => {
  it.each(rows)("%s", (_, state, step) => {
    expect(nextStep({ ...inStep, ...state }, now)).toEqual(step);
  });
});
