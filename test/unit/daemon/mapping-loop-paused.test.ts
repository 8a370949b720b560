// A mapping that a person paused: what runs then, what does not run meanwhile, and what it does when it is resumed.

import { describe, expect, it } from "vitest";
import { mappingStatus } from "../../../src/daemon/loop/mapping-status.ts";
import type { Pause } from "../../../src/journal/pauses.ts";
import { holdOf, outcomeOf } from "../../support/daemon.ts";
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
  useLoop,
  watcher,
} from "./mapping-loop-fixture.ts";

useLoop();

const pauseOf = (): Pause => ({ mapping: "app", since: clock.now(), reason: "a deploy" });
const never = new Promise<void>(() => {});

async function pause(deadline: Promise<void> = never): Promise<void> {
  const paused = loop.pause(pauseOf(), deadline);
  await clock.advance(0);
  await paused;
}

describe("a mapping that is paused", () => {
  it("has no rounds and no looks, whatever changes, and says so", async () => {
    await start({ pollIntervalMs: MINUTE, rescanIntervalMs: MINUTE });
    await pause();
    watcher.events().onDirty(["a"]);
    watcher.events().onPoll();
    await clock.advance(HOUR);
    watcher.events().onRescan("it lost track");
    await clock.advance(HOUR);
    expect(kinds()).toEqual(["full"]);
    expect(rounds.looks).toBe(0);
    const status = mappingStatus(loop, false);
    expect(status).toMatchObject({ state: "paused", paused: { reason: "a deploy", by: "person" } });
    expect(status.since).toBe(status.paused?.since);
  });

  it("looks at everything when it is resumed, and goes on as before", async () => {
    await start({ pollIntervalMs: MINUTE });
    await pause();
    await clock.advance(10 * SECOND);
    loop.resume();
    await clock.advance(0);
    expect(kinds()).toEqual(["full", "full"]);
    expect(events.findLast(({ kind }) => kind === "round-began")).toMatchObject({ reasons: ["resumed"] });
    expect(state()).toBe("in-step");
    await clock.advance(MINUTE);
    expect(kinds()).toHaveLength(3);
  });

  it("begins so, if it was paused when the daemon stopped", async () => {
    await start({}, 1, pauseOf());
    await clock.advance(HOUR);
    expect(kinds()).toEqual([]);
    expect(state()).toBe("paused");
    loop.resume();
    await clock.advance(0);
    expect(kinds()).toEqual(["full"]);
  });

  it("refuses to be looked at, and whoever waits for a look is told", async () => {
    await start();
    rounds.durationMs = 5 * SECOND;
    const running = outcomeOf(loop.sync());
    await clock.advance(SECOND);
    const waiting = outcomeOf(loop.sync());
    const paused = loop.pause(pauseOf(), never);
    expect(await waiting).toMatchObject({ code: "paused", hint: expect.stringContaining("kvsync resume app") });
    expect(await outcomeOf(loop.sync())).toMatchObject({
      code: "paused",
      message: 'mapping "app" is paused: a deploy',
    });
    await clock.advance(5 * SECOND);
    await paused;
    expect(await running).toMatchObject({ isFull: true });
  });

  it("is tried at once when it is resumed, if it failed before, and not until then", async () => {
    await start();
    rounds.script.push(failure("network"));
    await outcomeOf(Promise.all([loop.sync(), clock.advance(0)]));
    expect(state()).toBe("error");
    await pause();
    expect(mappingStatus(loop, false)).toMatchObject({ state: "paused", error: { code: "network", retryAt: null } });
    await clock.advance(HOUR);
    expect(kinds()).toHaveLength(2);
    loop.resume();
    await clock.advance(0);
    expect(state()).toBe("in-step");
  });

  it("may be held, and stays held", async () => {
    await start();
    rounds.script.push({ hold: holdOf("p1", clock) });
    await Promise.all([loop.sync(), clock.advance(0)]);
    await pause();
    expect(mappingStatus(loop, false)).toMatchObject({ state: "paused", hold: { plan: "p1" } });
    loop.discarded();
    expect(mappingStatus(loop, false)).toMatchObject({ state: "paused", hold: null });
  });
});

describe("a pause", () => {
  it("waits for the round that runs, which ends by itself", async () => {
    await start();
    rounds.durationMs = 8 * SECOND;
    const looked = loop.sync();
    await clock.advance(SECOND);
    let isOver = false;
    const paused = loop.pause(pauseOf(), clock.sleep(10 * SECOND)).then(() => (isOver = true));
    await clock.advance(6 * SECOND);
    expect([isOver, state()]).toEqual([false, "working"]);
    await clock.advance(SECOND);
    await paused;
    expect(await looked).toMatchObject({ isFull: true });
    expect(state()).toBe("paused");
    await clock.advance(10 * SECOND);
    expect(rounds.calls.at(-1)?.call.signal.aborted).toBe(false);
  });

  it("breaks off the round that takes longer, which is no failure", async () => {
    await start();
    rounds.durationMs = HOUR;
    const looked = outcomeOf(loop.sync());
    await clock.advance(SECOND);
    const paused = loop.pause(pauseOf(), clock.sleep(10 * SECOND));
    await clock.advance(10 * SECOND);
    await paused;
    expect(await looked).toMatchObject({ code: "paused" });
    expect(rounds.calls.at(-1)?.call.signal.aborted).toBe(true);
    expect(state()).toBe("paused");
    expect(events.filter(({ kind }) => kind === "failed")).toEqual([]);
    rounds.durationMs = 0;
    loop.resume();
    await clock.advance(0);
    expect(rounds.calls.at(-1)?.call.signal.aborted).toBe(false);
    expect(state()).toBe("in-step");
  });

  it("answers at once while the folder is not watched yet, and nothing begins then", async () => {
    const { open } = watcher;
    Object.assign(watcher, {
      open: async (watched: Parameters<typeof open>[0]) => {
        await clock.sleep(MINUTE);
        return open(watched);
      },
    });
    await start();
    await pause();
    await clock.advance(MINUTE);
    expect([kinds(), state()]).toEqual([[], "paused"]);
  });

  it("that is taken back before the round has ended breaks nothing off", async () => {
    await start();
    rounds.durationMs = 20 * SECOND;
    const looked = loop.sync();
    await clock.advance(SECOND);
    const paused = loop.pause(pauseOf(), clock.sleep(10 * SECOND));
    await clock.advance(SECOND);
    loop.resume();
    await clock.advance(20 * SECOND);
    await paused;
    expect(await looked).toMatchObject({ isFull: true });
    await clock.advance(20 * SECOND);
    expect(state()).toBe("in-step");
  });
});

describe("a conflict that is resolved", () => {
  const choice = { key: "a", keep: "local" } as const;

  it("has a round of its own, between two others, and is told of", async () => {
    await start();
    rounds.durationMs = 5 * SECOND;
    const looked = loop.sync();
    await clock.advance(SECOND);
    const resolved = loop.resolve(choice);
    await clock.advance(4 * SECOND);
    await looked;
    await clock.advance(5 * SECOND);
    expect(await resolved).toMatchObject({ key: "a", keep: "local" });
    expect(kinds()).toEqual(["full", "full", ["a"]]);
    expect(events.map(({ kind }) => kind).slice(-2)).toEqual(["round-ended", "conflict-resolved"]);
  });

  it("that fails is told to who asked, and the mapping goes on", async () => {
    await start();
    rounds.script.push(failure("plan-outdated"));
    const resolved = outcomeOf(loop.resolve(choice));
    await clock.advance(0);
    expect(await resolved).toMatchObject({ code: "plan-outdated" });
    expect(state()).toBe("in-step");
    expect(events.filter(({ kind }) => kind === "failed")).toEqual([]);
  });

  it("is refused while the mapping is paused, also one that waits for its turn", async () => {
    await start();
    rounds.durationMs = 5 * SECOND;
    const looked = loop.sync();
    await clock.advance(SECOND);
    const waiting = outcomeOf(loop.resolve(choice));
    const paused = loop.pause(pauseOf(), never);
    expect(await waiting).toMatchObject({ code: "paused" });
    expect(await outcomeOf(loop.resolve(choice))).toMatchObject({ code: "paused" });
    await clock.advance(5 * SECOND);
    await Promise.all([looked, paused]);
    expect(kinds()).toEqual(["full", "full"]);
  });

  it("leaves a failure as it is: what the failed round was about is looked at again in its time", async () => {
    await start({ mode: "two-way", pollIntervalMs: HOUR, rescanIntervalMs: HOUR });
    rounds.script.push(failure("network"));
    watcher.events().onDirty(["edited"]);
    await clock.advance(0);
    expect(state()).toBe("error");
    const resolved = loop.resolve(choice);
    await clock.advance(0);
    expect(await resolved).toMatchObject({ key: "a" });
    expect(state()).toBe("error");
    expect(events.map(({ kind }) => kind)).not.toContain("recovered");
    await clock.advance(10 * SECOND);
    expect(kinds().at(-1)).toBe("full");
    expect(state()).toBe("in-step");
    expect(events.map(({ kind }) => kind)).toContain("recovered");
  });
});
