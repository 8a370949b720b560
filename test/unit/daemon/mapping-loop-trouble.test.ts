// A mapping that fails, keys that fail, and a mapping on hold: when each is looked at again.

import { describe, expect, it } from "vitest";
import { problem } from "../../../src/core/problem.ts";
import { mappingStatus } from "../../../src/daemon/loop/mapping-status.ts";
import { holdOf, NOTHING_DONE } from "../../support/daemon.ts";
import {
  clock,
  events,
  failure,
  HOUR,
  kinds,
  loop,
  MINUTE,
  renewRounds,
  rounds,
  SECOND,
  start,
  state,
  watcher,
  useLoop,
} from "./mapping-loop-fixture.ts";

useLoop();

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
    renewRounds();
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
