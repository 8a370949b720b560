// What a loop remembers when a round ends or fails, as tables.

import { describe, expect, it } from "vitest";
import type { EpochMs, MonotonicMs } from "../../../src/core/clock.ts";
import { AppError } from "../../../src/core/errors.ts";
import {
  becameDirty,
  firstState,
  type LoopState,
  type Moment,
  roundEnded,
  roundFailed,
  scheduleOf,
  turnEnded,
} from "../../../src/daemon/loop/loop-state.ts";
import type { Hold } from "../../../src/journal/holds.ts";
import type { RoundReport } from "../../../src/mapping/round-port.ts";
import { holdOf as heldAt, NOTHING_DONE } from "../../support/daemon.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const at = (ms: number): MonotonicMs => ms as MonotonicMs;
const moment = (now: number): Moment => ({
  now: at(now),
  wall: (1_800_000_000_000 + now) as EpochMs,
  random: () => 0.5,
});
const holdOf = (plan: string): Hold => heldAt(plan, new FakeClock());
const first = firstState(undefined, at(0));
const report = (fields: Partial<RoundReport> = {}): RoundReport =>
  ({ result: NOTHING_DONE, transient: 0, removesLater: null, isFull: true, hold: undefined, ...fields }) as RoundReport;
const ended = (
  before: LoopState,
  step: "full" | "dirty",
  told: RoundReport,
  { began = 1000, now = 2000 } = {},
): ReturnType<typeof roundEnded> =>
  roundEnded(
    before,
    { step, report: told, began: at(began), settleWindowMs: 60_000, removeAfterMs: 100_000 },
    moment(now),
  );
const error = (code: AppError["code"]): AppError => new AppError(code, "it failed");

describe("a round that ended", () => {
  it("over all keys is a fullRound, from when it began", () => {
    expect(ended(first, "full", report()).state).toMatchObject({ lookedAt: 1000, again: 0, againAt: undefined });
  });

  it("over some keys is no look", () => {
    expect(ended(first, "dirty", report({ isFull: false })).state).toMatchObject({
      fullRound: undefined,
      lookedAt: undefined,
    });
  });

  it("over some keys, that turned into a fullRound at all, is one", () => {
    expect(ended(first, "dirty", report({ isFull: true })).state).toMatchObject({ lookedAt: 1000 });
  });

  it.each<["full" | "dirty"]>([["full"], ["dirty"]])(
    "(%s) is followed by one when what is gone is to be removed, and what was gone soon after",
    (step) => {
      const dueAt = (moment(0).wall + 50_000) as EpochMs;
      const { state } = ended(first, step, report({ removesLater: { keys: 3, dueAt } }));
      expect(state.removeAt).toBe(50_000 + 10_000);
      expect(scheduleOf(state, false, undefined).removeAt).toBe(60_000);
      expect(ended(state, step, report()).state.removeAt).toBeUndefined();
    },
  );

  it.each<[string, Partial<RoundReport>, events: readonly string[]]>([
    ["and did nothing", {}, ["round-ended"]],
    ["in a hold", { hold: holdOf("one") }, ["round-ended", "held"]],
  ])("%s tells %s", (_, told, events) => {
    expect(ended(first, "full", report(told)).events.map(({ kind }) => kind)).toEqual(events);
  });

  it.each<[string, held: string | undefined, now: string | undefined, events: readonly string[]]>([
    ["the same hold is told once", "one", "one", ["round-ended"]],
    ["another plan is another hold", "one", "two", ["round-ended", "held"]],
    ["the end of a hold is told", "one", undefined, ["round-ended", "lifted"]],
  ])("%s", (_, held, now, events) => {
    const before = { ...first, hold: held === undefined ? undefined : holdOf(held) };
    const told = report({ hold: now === undefined ? undefined : holdOf(now) });
    expect(ended(before, "full", told).events.map(({ kind }) => kind)).toEqual(events);
  });

  it("after a failure tells first that it has recovered, and forgets the failure", () => {
    const { state } = roundFailed(first, error("network"), moment(0));
    const { state: after, events } = ended(state, "full", report());
    expect(events.map(({ kind }) => kind)).toEqual(["recovered", "round-ended"]);
    expect(after.failure).toBeUndefined();
  });
});

describe("what a round left is looked at again", () => {
  it("when the listing has settled, counted from when the round began", () => {
    const lagging = report({ result: { ...NOTHING_DONE, lagging: 2 } });
    expect(ended(first, "full", lagging).state.againAt).toBe(61_000);
  });

  it("the later, the oftener it was left", () => {
    const left = report({ transient: 1 });
    const waits: number[] = [];
    let state = first;
    for (let i = 0; i < 12; i++) {
      ({ state } = ended(state, "full", left));
      waits.push(state.againAt! - 2000);
    }
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits.at(-1)! / waits[0]!).toBeGreaterThan(100);
    expect(ended(state, "full", report()).state).toMatchObject({ again: 0, againAt: undefined });
  });

  it("at whatever comes first", () => {
    const both = report({ transient: 1, result: { ...NOTHING_DONE, lagging: 1 } });
    expect(ended(first, "full", both).state.againAt).toBeLessThan(61_000);
  });

  it("of some paths, these paths", () => {
    const { state, isDirtyAgain } = ended(first, "dirty", report({ isFull: false, transient: 1 }));
    expect(isDirtyAgain).toBe(true);
    expect(state.dirtyAt).toBeGreaterThan(2000);
    expect(ended(state, "dirty", report({ isFull: false }))).toMatchObject({
      isDirtyAgain: false,
      state: { again: 0, dirtyAt: 2000 },
    });
  });
});

describe("a round that failed", () => {
  it("is tried again, the later the oftener it failed in this way", () => {
    let state = first;
    const waits: number[] = [];
    for (let i = 0; i < 4; i++) {
      const failed = roundFailed(state, error("network"), moment(0));
      ({ state } = failed);
      waits.push(state.failure!.dueAt);
      expect(failed.event).toMatchObject({ kind: "failed", repeats: i, retryInMs: state.failure!.dueAt });
    }
    expect(new Set(waits).size).toBe(4);
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
  });

  it("in another way begins anew, but fails since the first failure", () => {
    const { state } = roundFailed(first, error("network"), moment(1000));
    expect(roundFailed(state, error("unauthorized"), moment(5000)).state.failure).toMatchObject({
      repeats: 0,
      since: 1_800_000_001_000,
    });
  });

  it("for a reason on this machine is tried again within ten seconds", () => {
    let state = first;
    for (let i = 0; i < 20; i++) ({ state } = roundFailed(state, error("root-missing"), moment(0)));
    expect(state.failure!.dueAt).toBeLessThanOrEqual(10_000);
  });
});

describe("the schedule goes by", () => {
  it("dirty paths from when the first of them was", () => {
    const state = becameDirty(becameDirty({ ...first, dirtyAt: at(9000) }, at(5000)), at(7000));
    expect(scheduleOf(state, true, undefined).dirtyAt).toBe(5000);
    expect(scheduleOf(state, false, undefined).dirtyAt).toBeUndefined();
  });

  it("when the last round ended, and of which kind it was", () => {
    expect(scheduleOf(turnEnded(first, "dirty", at(8000)), false, undefined)).toMatchObject({
      endedAt: 8000,
      wasDirty: true,
    });
    expect(scheduleOf(turnEnded(first, "full", at(8000)), false, undefined)).toMatchObject({ wasDirty: false });
  });

  it("a failure's time, and whether it is held", () => {
    const { state } = roundFailed({ ...first, hold: holdOf("one") }, error("network"), moment(0));
    expect(scheduleOf(state, false, undefined)).toMatchObject({ retryAt: state.failure!.dueAt, held: true });
  });
});
