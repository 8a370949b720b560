// When a mapping is looked at, who may ask for a look, and how its loop ends.

import { describe, expect, it } from "vitest";
import { mappingStatus } from "../../../src/daemon/loop/mapping-status.ts";
import { NOTHING_DONE, outcomeOf } from "../../support/daemon.ts";
import {
  clock,
  events,
  failure,
  HOUR,
  kinds,
  loop,
  MINUTE,
  rounds,
  SECOND,
  start,
  state,
  stop,
  watcher,
  useLoop,
} from "./mapping-loop-fixture.ts";

useLoop();

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

  it("tells the watcher that it has caught up once nothing that was told is left to be looked at", async () => {
    rounds.durationMs = 10 * SECOND;
    await start({ mode: "push" });
    await clock.advance(10 * SECOND);
    const before = watcher.caughtUps();
    watcher.events().onDirty(["a"]);
    await clock.advance(5 * SECOND);
    watcher.events().onDirty(["b"]);
    await clock.advance(14 * SECOND);
    expect(kinds()).toEqual(["full", ["a"], ["b"]]);
    expect(watcher.caughtUps()).toBe(before);
    await clock.advance(SECOND);
    expect(watcher.caughtUps()).toBe(before + 1);
    watcher.events().onRescan("too many events");
    await clock.advance(9 * SECOND);
    expect(watcher.caughtUps()).toBe(before + 1);
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

describe("a folder that is polled", () => {
  it("is looked at when the watcher says so, and what differs is looked at by a round", async () => {
    await start({ mode: "push" });
    watcher.events().onPoll();
    await clock.advance(0);
    expect([rounds.looks, kinds()]).toEqual([1, ["full"]]);
    rounds.looked.push({ kind: "paths", paths: ["a"] });
    watcher.events().onPoll();
    await clock.advance(0);
    expect([rounds.looks, kinds()]).toEqual([2, ["full", ["a"]]]);
    rounds.looked.push({ kind: "rescan", reason: "more than 10000 files differ" });
    watcher.events().onPoll();
    await clock.advance(0);
    expect(kinds()).toEqual(["full", ["a"], "full"]);
    expect(events).toContainEqual({ kind: "rescan", reason: "more than 10000 files differ" });
  });

  it("is not looked at while a round runs, but after it", async () => {
    rounds.durationMs = 5 * SECOND;
    await start({ mode: "push" });
    watcher.events().onPoll();
    await clock.advance(4 * SECOND);
    expect(rounds.looks).toBe(0);
    await clock.advance(SECOND);
    expect(rounds.looks).toBe(1);
    await clock.advance(5 * SECOND);
  });

  it("is not looked at for more than a fifth of the time, however often the watcher asks", async () => {
    await start({ mode: "push" });
    rounds.durationMs = SECOND;
    for (let i = 0; i < 1000; i++) {
      watcher.events().onPoll();
      await clock.advance(100);
    }
    expect(rounds.looks).toBeGreaterThan(18);
    expect(rounds.looks).toBeLessThan(22);
  });

  it("that is missing is in error, and tried again", async () => {
    await start({ mode: "push" });
    rounds.looked.push(failure("root-missing"));
    watcher.events().onPoll();
    await clock.advance(0);
    expect(state()).toBe("error");
    await clock.advance(10 * SECOND);
    expect([state(), kinds()]).toEqual(["in-step", ["full", "full"]]);
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
