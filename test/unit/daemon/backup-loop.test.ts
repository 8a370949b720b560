// A backup over time: what was missed is made up for once, failures are tried again and told, one repository is used by one run at a time, and
// a stop does not wait.

import pLimit, { type LimitFunction } from "p-limit";
import { describe, expect, it } from "vitest";
import { type BackupMemory, memoryAfter } from "../../../src/backups/backup-memory.ts";
import type { BackupReport } from "../../../src/backups/backup-report.ts";
import type { BackupSchedule } from "../../../src/config/config.ts";
import type { EpochMs } from "../../../src/core/clock.ts";
import { AppError } from "../../../src/core/errors.ts";
import { type BackupCall, type BackupEvent, openBackupLoop } from "../../../src/daemon/backups/backup-loop.ts";
import { type Heartbeats, openHeartbeats } from "../../../src/daemon/heartbeats.ts";
import { load } from "../config/config-fixture.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const HOUR = 3_600_000;
const START = Date.parse("2026-11-28T12:00Z");
const config = load("backups: { nightly: { sources: [/x], repository: /r, every: 6h } }").backups.get("nightly")!;

interface Setup {
  readonly schedule?: BackupSchedule;
  readonly jitterMs?: number;
  readonly memory?: Partial<BackupMemory>;
  /** What each run comes to, the last one for good. */
  readonly outcomes?: readonly ("done" | "failed" | "incomplete" | "hangs" | "slow")[];
  readonly clock?: FakeClock;
  readonly gate?: LimitFunction;
  readonly heartbeats?: Heartbeats;
}

function start({
  schedule = { kind: "every", everyMs: 6 * HOUR },
  jitterMs = 0,
  outcomes = ["done"],
  ...setup
}: Setup) {
  const clock = setup.clock ?? new FakeClock({ now: START });
  const events: BackupEvent[] = [];
  const began: number[] = [];
  let memory: BackupMemory = {
    place: "",
    repositoryId: null,
    knownSince: clock.now(),
    lastRun: null,
    lastCompleteAt: null,
    failure: null,
    lastPruneAt: null,
    lastDrill: null,
    ...setup.memory,
  };
  const run = async ({ signal, onProgress, onSourceProgress }: BackupCall): Promise<BackupReport> => {
    const outcome = outcomes[Math.min(began.length, outcomes.length - 1)]!;
    began.push(clock.now() - START);
    const startedAt = clock.now();
    if (outcome === "slow") {
      for (let step = 0; step < 20; step++) {
        await clock.sleep(0.4 * HOUR, signal);
        onProgress();
        onSourceProgress({ source: "x", keys: step, keysTotal: 20, bytesRead: 10 * step });
      }
    }
    if (outcome === "hangs") await clock.sleep(1000 * HOUR, signal);
    return reportOf(startedAt, outcome);
  };
  const loop = openBackupLoop({
    clock,
    backup: { ...config, schedule, jitterMs },
    timeZone: "UTC",
    recall: () => memory,
    run,
    remember: (report) => (memory = memoryAfter(memory, report, clock.now())),
    gate: setup.gate ?? pLimit(1),
    heartbeat: (setup.heartbeats ?? openHeartbeats(clock)).open("backup nightly", HOUR),
    onEvent: (event) => events.push(event),
  });
  return { clock, events, began, loop, memory: () => memory };
}

function reportOf(startedAt: EpochMs, outcome: string): BackupReport {
  const failure =
    outcome === "done" || outcome === "slow"
      ? undefined
      : new AppError(outcome === "incomplete" ? "incomplete" : "store-failed", "a fault");
  const source = {
    source: "x",
    snapshot: "1",
    complete: outcome === "done",
    keys: 1,
    bytes: 1,
    read: 1,
    bytesStored: 1,
  };
  return {
    startedAt,
    durationMs: 0,
    repositoryId: "r",
    sources: [{ ...source, problems: 0, requests: 1, failure }],
    forgotten: 0,
    freed: undefined,
    drill: undefined,
    failure,
  };
}

const lastRun = (at: number): Partial<BackupMemory> => ({
  lastRun: { startedAt: at } as NonNullable<BackupMemory["lastRun"]>,
});
const daily: BackupSchedule = { kind: "daily", atMinutes: 13 * 60 };

describe("a backup over time", () => {
  it("is alive as long as it goes forward, or waits for its turn, and not when it hangs", async () => {
    const clock = new FakeClock({ now: START });
    const gate = pLimit(1);
    const of = (outcome: "slow" | "hangs") => {
      const heartbeats = openHeartbeats(clock);
      return {
        ...start({ clock, gate, heartbeats, outcomes: [outcome] }),
        isAlive: () => heartbeats.list()[0]!.isAlive,
      };
    };
    const [slow, hanging] = [of("slow"), of("hangs")];
    await clock.advance(7 * HOUR);
    expect([slow.isAlive(), hanging.isAlive()]).toEqual([true, true]);
    await clock.advance(1.2 * HOUR);
    expect(hanging.began).toEqual([8 * HOUR]);
    expect([slow.isAlive(), hanging.isAlive()]).toEqual([true, true]);
    await clock.advance(0.4 * HOUR);
    expect([slow.isAlive(), hanging.isAlive()]).toEqual([true, false]);
    await Promise.all([slow.loop.stop(), hanging.loop.stop()]);
  });

  it("runs at its times", async () => {
    const { clock, began, loop } = start({});
    await clock.advance(13 * HOUR);
    expect(began).toEqual([0, 6 * HOUR, 12 * HOUR]);
    await loop.stop();
  });

  it("runs when it is asked to, and then an interval later", async () => {
    const { clock, began, loop } = start({});
    await clock.advance(HOUR);
    loop.runNow();
    await clock.advance(7 * HOUR);
    expect(began).toEqual([0, HOUR, 7 * HOUR]);
    await loop.stop();
  });

  it("that runs already is not run once more for who asks", async () => {
    const { clock, began, loop } = start({ outcomes: ["slow", "done"] });
    await clock.advance(HOUR);
    loop.runNow();
    await clock.advance(7.5 * HOUR);
    expect(began).toHaveLength(2);
    expect(began[1]).toBe(8 * HOUR);
    await loop.stop();
  });

  it("that waits for its turn and is asked for runs once", async () => {
    const clock = new FakeClock({ now: START });
    const gate = pLimit(1);
    const [first, second] = [start({ clock, gate, outcomes: ["slow", "done"] }), start({ clock, gate })];
    await clock.advance(HOUR);
    second.loop.runNow();
    await clock.advance(7.5 * HOUR);
    expect(second.began).toEqual([8 * HOUR]);
    await Promise.all([first.loop.stop(), second.loop.stop()]);
  });

  it("tells how far it is while it runs, and then no more", async () => {
    const { clock, loop } = start({ outcomes: ["slow", "done"] });
    expect(loop.status().progress).toBeNull();
    await clock.advance(HOUR);
    expect(loop.status()).toMatchObject({
      state: "running",
      progress: { source: "x", keys: 1, keysTotal: 20, bytesRead: 10 },
    });
    await clock.advance(7.5 * HOUR);
    expect(loop.status()).toMatchObject({ state: "waiting", progress: null });
    await loop.stop();
  });

  it("makes up once for what was missed while nothing ran", async () => {
    const { clock, began, loop } = start({ schedule: daily, memory: lastRun(START - 71 * HOUR) });
    await clock.advance(26 * HOUR);
    expect(began).toEqual([0, HOUR, 25 * HOUR]);
    await loop.stop();
  });

  it("keeps to its times of the day when the clock is set, also one that lay in the future", async () => {
    const { clock, began, loop } = start({ schedule: daily, memory: lastRun(START + 10_000 * HOUR) });
    await clock.advance(2 * HOUR);
    expect(began).toEqual([HOUR]);
    clock.jump(23 * HOUR);
    await clock.advance(60_000);
    expect(began).toHaveLength(2);
    await loop.stop();
  });

  it("is put off by chance, up to its jitter", async () => {
    const { clock, began, loop } = start({ jitterMs: HOUR });
    await clock.advance(20 * HOUR);
    expect(began.length).toBeGreaterThanOrEqual(3);
    for (const [i, at] of began.entries()) {
      const due = i === 0 ? 0 : began[i - 1]! + 6 * HOUR;
      expect(at - due).toBeGreaterThanOrEqual(0);
      expect(at - due).toBeLessThanOrEqual(HOUR);
    }
    expect(new Set(began.map((at, i) => (i === 0 ? at : at - began[i - 1]!))).size).toBe(began.length);
    await loop.stop();
  });

  it("is tried again after growing waits, and told once a day while it fails, and when it works again", async () => {
    const { clock, began, events, loop, memory } = start({ outcomes: [...Array<"failed">(40).fill("failed"), "done"] });
    await clock.advance(30 * HOUR);
    expect(memory().failure).toBeNull();
    expect(began.length).toBeGreaterThan(40);
    const ended = events.filter((event) => event.kind === "backup-ended");
    const told = ended.filter(({ isNews }) => isNews).length;
    expect(told).toBeGreaterThanOrEqual(1);
    expect(told).toBeLessThanOrEqual(2);
    expect(ended.find(({ memory: { failure } }) => failure === null)).toMatchObject({ wasFailing: true });
    expect(ended[4]?.memory.failure).toMatchObject({ attempts: 5, since: START });
    await loop.stop();
  });

  it("that only lacks keys is tried again three times, and then waits for its time", async () => {
    const { clock, began, loop } = start({ outcomes: ["incomplete"] });
    await clock.advance(5 * HOUR);
    expect(began).toHaveLength(4);
    await clock.advance(2 * HOUR);
    expect(began).toHaveLength(5);
    await loop.stop();
  });

  it("that failed before the daemon was started is tried again soon", async () => {
    const failure = { code: "io", message: "m", hint: null, since: 0 as EpochMs, attempts: 3 } as const;
    const { clock, began, loop } = start({ memory: { ...lastRun(START - HOUR), failure } });
    await clock.advance(HOUR / 2);
    expect(began).toHaveLength(1);
    await loop.stop();
  });

  it("waits for another one in the same repository, and a stop breaks both off at once", async () => {
    const clock = new FakeClock({ now: START });
    const gate = pLimit(1);
    const first = start({ clock, gate, outcomes: ["hangs"] });
    const second = start({ clock, gate });
    await clock.advance(10 * HOUR);
    expect([first.began.length, second.began.length]).toEqual([1, 0]);
    expect(first.loop.status()).toMatchObject({ state: "running", runningSince: START });
    await Promise.all([first.loop.stop(), second.loop.stop()]);
    expect(second.began).toEqual([]);
    expect(first.memory().lastRun).toBeNull();
    expect(first.events.map(({ kind }) => kind)).toEqual(["backup-began", "backup-stopped"]);
  });
});
