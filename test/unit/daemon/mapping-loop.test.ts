// One mapping over time, with rounds that do what the test says and a clock that the test moves.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MappingConfig } from "../../../src/config/config.ts";
import { AppError } from "../../../src/core/errors.ts";
import { problem } from "../../../src/core/problem.ts";
import type { MappingEvent } from "../../../src/daemon/daemon-event.ts";
import { openHeartbeats } from "../../../src/daemon/heartbeats.ts";
import { type MappingLoop, openMappingLoop } from "../../../src/daemon/loop/mapping-loop.ts";
import { mappingStatus } from "../../../src/daemon/loop/mapping-status.ts";
import { openRoundGate } from "../../../src/daemon/loop/round-gate.ts";
import {
  holdOf,
  mappingOf,
  NOTHING_DONE,
  outcomeOf,
  type ScriptedRounds,
  scriptedRounds,
  type SpokenWatcher,
  spokenWatcher,
} from "../../support/daemon.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let clock: FakeClock;
let rounds: ScriptedRounds;
let watcher: SpokenWatcher;
let events: MappingEvent[];
let loop: MappingLoop;

beforeEach(() => {
  clock = new FakeClock();
  rounds = scriptedRounds(clock);
  watcher = spokenWatcher();
  events = [];
});

afterEach(async () => {
  await stop();
  expect(rounds.atOnce).toBeLessThanOrEqual(1);
  expect(clock.sleeping).toBe(0);
});

async function start(mapping: Partial<MappingConfig> = {}, stretch = 1): Promise<void> {
  const heartbeats = openHeartbeats(clock);
  loop = openMappingLoop({
    clock,
    mapping: mappingOf(mapping),
    rounds,
    gate: openRoundGate(),
    openWatcher: watcher.open,
    pollStretch: () => stretch,
    heartbeat: heartbeats.open("app", HOUR),
    onEvent: (event) => events.push(event),
  });
  // A bug is somebody's to see to; here it is a test's.
  loop.ended.catch(() => {});
  await clock.advance(0);
}

/** At once: what runs is broken off. */
async function stop(): Promise<void> {
  const stopped = loop.stop(Promise.resolve());
  await clock.advance(0);
  await stopped;
}

const state = () => mappingStatus(loop, false).state;
const kinds = () => rounds.calls.map(({ what }) => what);
const failure = (code: AppError["code"]) => new AppError(code, "it failed", { hint: "do this" });

describe("a mapping", () => {
  it("is looked at when it starts, and then polled", async () => {
    await start({ pollIntervalMs: MINUTE });
    expect(kinds()).toEqual(["full"]);
    expect(state()).toBe("in-step");
    await clock.advance(10 * MINUTE);
    expect(rounds.calls).toHaveLength(11);
  });

  it("is not polled in a push, but rescanned, with its watches made anew", async () => {
    await start({ mode: "push", rescanIntervalMs: HOUR });
    await clock.advance(50 * MINUTE);
    expect(rounds.calls).toHaveLength(1);
    expect(watcher.refreshes()).toBe(0);
    await clock.advance(10 * MINUTE);
    expect(rounds.calls).toHaveLength(2);
    expect(watcher.refreshes()).toBe(1);
  });

  it("is not watched in a pull", async () => {
    await start({ mode: "pull" });
    expect(() => watcher.events()).toThrow("has not been opened");
    expect(mappingStatus(loop, false).watcher).toBeNull();
  });

  it("polls less often when the budget asks for it", async () => {
    await start({ mode: "pull", pollIntervalMs: MINUTE }, 3);
    await clock.advance(9 * MINUTE);
    expect(rounds.calls).toHaveLength(4);
    expect(mappingStatus(loop, false).pollIntervalMs).toBe(3 * MINUTE);
  });

  it("looks at what the watcher names, and at nothing else", async () => {
    await start({ mode: "push" });
    watcher.events().onDirty(["a.json", "b/"]);
    await clock.advance(0);
    expect(kinds()).toEqual(["full", ["a.json", "b/"]]);
    expect(state()).toBe("in-step");
  });

  it("takes what changes during a round in the next one", async () => {
    rounds.durationMs = 10 * SECOND;
    await start({ mode: "push" });
    watcher.events().onDirty(["a"]);
    watcher.events().onDirty(["a", "b"]);
    expect(rounds.calls).toHaveLength(1);
    await clock.advance(10 * SECOND);
    expect(kinds()).toEqual(["full", ["a", "b"]]);
  });

  it("looks at everything when the watcher loses track", async () => {
    await start({ mode: "push" });
    watcher.events().onRescan("too many events");
    await clock.advance(0);
    expect(kinds()).toEqual(["full", "full"]);
    expect(watcher.refreshes()).toBe(1);
  });

  it("looks at everything when too many paths are dirty", async () => {
    rounds.durationMs = SECOND;
    await start({ mode: "push" });
    await clock.advance(SECOND);
    watcher.events().onDirty(Array.from({ length: 6000 }, (_, i) => `a${i}`));
    await clock.advance(0);
    watcher.events().onDirty(Array.from({ length: 6000 }, (_, i) => `b${i}`));
    watcher.events().onDirty(Array.from({ length: 6000 }, (_, i) => `c${i}`));
    expect(state()).toBe("working");
    await clock.advance(2 * SECOND);
    expect(kinds().map((what) => (what === "full" ? what : what.length))).toEqual(["full", 6000, "full"]);
  });
});

describe("a mapping whose machine's clock is set", () => {
  it.each([-400 * 24 * HOUR, 400 * 24 * HOUR])(
    "by %d ms is polled at its interval, and follows edits",
    async (jump) => {
      await start();
      clock.jump(jump);
      await clock.advance(MINUTE - 1);
      expect(rounds.calls).toHaveLength(1);
      await clock.advance(1);
      expect(kinds()).toEqual(["full", "full"]);
      watcher.events().onDirty(["a"]);
      clock.jump(-jump);
      await clock.advance(0);
      expect(kinds()).toEqual(["full", "full", ["a"]]);
    },
  );

  it("has what lags looked at again after the settle window", async () => {
    rounds.script.push({ result: { ...NOTHING_DONE, lagging: 1 } });
    await start({ pollIntervalMs: HOUR, settleWindowMs: 5 * SECOND });
    clock.jump(-24 * HOUR);
    await clock.advance(5 * SECOND);
    expect(rounds.calls).toHaveLength(2);
  });
});

describe("a mapping that fails", () => {
  it("is in error, backs off, and recovers by itself", async () => {
    rounds.script.push(failure("network"), failure("network"), failure("network"));
    await start();
    expect(state()).toBe("error");
    expect(mappingStatus(loop, false).error).toMatchObject({ code: "network", hint: "do this" });
    await clock.advance(MINUTE);
    expect(state()).toBe("in-step");
    expect(mappingStatus(loop, false).error).toBeNull();
    const told = events.filter(({ kind }) => kind === "failed" || kind === "recovered");
    expect(told.map((event) => (event.kind === "failed" ? event.repeats : event.kind))).toEqual([0, 1, 2, "recovered"]);
  });

  it("waits no longer than five minutes, whatever came before", async () => {
    rounds.script.push(...Array.from({ length: 200 }, () => failure("unauthorized")));
    await start();
    await clock.advance(10 * HOUR);
    const waits = rounds.calls.slice(1).map(({ at }, i) => at - rounds.calls[i]!.at);
    expect(Math.max(...waits)).toBeLessThanOrEqual(5 * MINUTE);
    expect(Math.max(...waits)).toBeGreaterThan(3 * MINUTE);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(500);
  });

  it.each([-24 * HOUR, 24 * HOUR])(
    "is tried again at its time, also if the clock is set by %d ms meanwhile",
    async (jump) => {
      rounds.script.push(failure("network"), failure("network"));
      await start();
      const untilRetry = (): number => mappingStatus(loop, false).error!.retryAt! - clock.now();
      const waitMs = untilRetry();
      clock.jump(jump);
      expect(untilRetry()).toBe(waitMs);
      await clock.advance(waitMs - 1);
      expect(rounds.calls).toHaveLength(1);
      // A status tells whole milliseconds.
      await clock.advance(2);
      expect(rounds.calls).toHaveLength(2);
    },
  );

  it("looks soon again for a folder that is missing, which costs nothing", async () => {
    rounds.script.push(...Array.from({ length: 50 }, () => failure("root-missing")));
    await start();
    await clock.advance(10 * MINUTE);
    expect(state()).toBe("in-step");
  });

  it("does not fail on its own when the disk of the journal is full", async () => {
    rounds.script.push(Object.assign(new Error("database or disk is full"), { code: "ERR_SQLITE_ERROR", errcode: 13 }));
    await start();
    expect(mappingStatus(loop, false).error).toMatchObject({ code: "disk-full" });
    await clock.advance(MINUTE);
    expect(state()).toBe("in-step");
  });

  it("ends with a bug, and says so", async () => {
    rounds.script.push(new TypeError("undefined is not a function"));
    await start();
    await expect(loop.ended).rejects.toThrow("undefined is not a function");
    expect(rounds.isClosed).toBe(true);
    rounds = scriptedRounds(clock);
    await start();
  });

  it("keeps what is dirty for the look that follows", async () => {
    await start({ mode: "push" });
    rounds.script.push(failure("network"));
    watcher.events().onDirty(["a"]);
    await clock.advance(MINUTE);
    expect(kinds()).toEqual(["full", ["a"], "full"]);
  });
});

describe("keys that fail", () => {
  const busy = { problems: [problem("changed-while-reading", "a", "changed")], transient: 1 };

  it("are looked at again soon, if that can help", async () => {
    rounds.script.push({ ...busy, result: { ...NOTHING_DONE, failed: 1 } });
    await start({ mode: "push" });
    expect(state()).toBe("behind");
    await clock.advance(5 * SECOND);
    expect(kinds()).toEqual(["full", "full"]);
    expect(state()).toBe("in-step");
  });

  it("are looked at alone, if they were dirty", async () => {
    await start({ mode: "push" });
    rounds.script.push(busy, busy);
    watcher.events().onDirty(["a"]);
    await clock.advance(MINUTE);
    expect(kinds()).toEqual(["full", ["a"], ["a"], ["a"]]);
  });

  it("are not tried again if that cannot help", async () => {
    const problems = [problem("value-too-large", "a", "is too large")];
    rounds.script.push({ problems, result: { ...NOTHING_DONE, failed: 1 } });
    await start({ mode: "push" });
    await clock.advance(30 * MINUTE);
    expect(rounds.calls).toHaveLength(1);
    expect(mappingStatus(loop, false)).toMatchObject({ state: "incomplete", problems: [{ code: "value-too-large" }] });
  });

  it("that lag are looked at again after the settle window", async () => {
    rounds.script.push({ result: { ...NOTHING_DONE, lagging: 3 } });
    await start({ mode: "push", settleWindowMs: MINUTE });
    expect(mappingStatus(loop, false)).toMatchObject({ state: "behind", pending: 3 });
    await clock.advance(MINUTE);
    expect(rounds.calls).toHaveLength(2);
    expect(state()).toBe("in-step");
  });
});

describe("a mapping on hold", () => {
  it("keeps looking, and the hold lifts when its cause is gone", async () => {
    rounds.script.push({ hold: holdOf("p1", clock) }, { hold: holdOf("p1", clock) });
    await start({ pollIntervalMs: MINUTE });
    expect(mappingStatus(loop, false)).toMatchObject({ state: "hold", hold: { plan: "p1", removes: 50 } });
    await clock.advance(MINUTE);
    expect(state()).toBe("hold");
    await clock.advance(MINUTE);
    expect(state()).toBe("in-step");
    expect(events.filter(({ kind }) => kind === "held" || kind === "lifted").map(({ kind }) => kind)).toEqual([
      "held",
      "lifted",
    ]);
  });

  it("is told again when the plan becomes another one", async () => {
    rounds.script.push({ hold: holdOf("p1", clock) }, { hold: holdOf("p2", clock) }, { hold: holdOf("p2", clock) });
    await start({ pollIntervalMs: MINUTE });
    await clock.advance(2 * MINUTE);
    const plans = events.flatMap((event) => (event.kind === "held" ? [event.hold.plan] : []));
    expect(plans).toEqual(["p1", "p2"]);
  });

  it("never works on dirty keys alone, and plans anew at most every ten seconds", async () => {
    rounds.script.push(...Array.from({ length: 100 }, () => ({ hold: holdOf("p1", clock) })));
    await start({ mode: "push" });
    for (let i = 0; i < 60; i++) {
      watcher.events().onDirty([`a${i}`]);
      await clock.advance(SECOND);
    }
    expect(new Set(kinds())).toEqual(new Set(["full"]));
    expect(rounds.calls.length).toBeLessThanOrEqual(7);
  });

  it("is remembered from before the start", async () => {
    rounds.held = holdOf("p1", clock);
    rounds.durationMs = SECOND;
    rounds.script.push({ hold: holdOf("p1", clock) });
    await start();
    expect(state()).toBe("hold");
    await clock.advance(SECOND);
    expect(events.filter(({ kind }) => kind === "held")).toEqual([]);
  });

  it("goes on at once when its plan is approved", async () => {
    rounds.script.push({ hold: holdOf("p1", clock) });
    await start({ pollIntervalMs: HOUR });
    expect(loop.approve("another")).toBe(false);
    expect(loop.approve("p1")).toBe(true);
    expect(mappingStatus(loop, false).hold?.approved).toBe(true);
    const looked = loop.sync();
    await clock.advance(0);
    expect((await looked).hold).toBeUndefined();
    expect(state()).toBe("in-step");
  });
});

describe("asking for a look", () => {
  it("is answered by a round that began afterwards", async () => {
    rounds.durationMs = 10 * SECOND;
    await start({ mode: "push" });
    await clock.advance(5 * SECOND);
    const asked = clock.now();
    const looked = loop.sync();
    await clock.advance(15 * SECOND);
    expect((await looked).startedAt).toBeGreaterThanOrEqual(asked);
    expect(rounds.calls).toHaveLength(2);
  });

  it("does not wait for a backoff", async () => {
    rounds.script.push(...Array.from({ length: 20 }, () => failure("unauthorized")));
    await start();
    await clock.advance(10 * MINUTE);
    rounds.script.length = 0;
    const looked = loop.sync();
    await clock.advance(0);
    expect((await looked).result).toEqual(NOTHING_DONE);
    expect(state()).toBe("in-step");
  });

  it("tells what the round failed with", async () => {
    await start();
    rounds.script.push(failure("network"));
    const looked = outcomeOf(loop.sync());
    await clock.advance(0);
    expect(await looked).toMatchObject({ code: "network" });
  });

  it("is refused by a mapping that is stopped", async () => {
    rounds.durationMs = SECOND;
    await start();
    const looked = outcomeOf(loop.sync());
    await stop();
    expect(await looked).toMatchObject({ code: "interrupted" });
    expect(await outcomeOf(loop.sync())).toMatchObject({ code: "interrupted" });
  });
});

describe("stopping", () => {
  it("lets a round end that ends in time", async () => {
    rounds.durationMs = 5 * SECOND;
    await start();
    const stopped = loop.stop(clock.sleep(10 * SECOND));
    await clock.advance(5 * SECOND);
    await stopped;
    expect(rounds.calls[0]?.call.signal.aborted).toBe(false);
    expect(events.some(({ kind }) => kind === "round-ended")).toBe(true);
    await clock.advance(5 * SECOND);
  });

  it("breaks off a round that does not, without calling it a failure", async () => {
    rounds.durationMs = HOUR;
    await start();
    const stopped = loop.stop(clock.sleep(10 * SECOND));
    await clock.advance(10 * SECOND);
    await stopped;
    expect(rounds.calls[0]?.call.signal.aborted).toBe(true);
    expect(events.some(({ kind }) => kind === "failed")).toBe(false);
    expect(watcher.isClosed()).toBe(true);
    expect(rounds.isClosed).toBe(true);
  });
});
