// Files that are being written: when the loop of their mapping looks at them again, and that nothing else waits for them.

import { describe, expect, it } from "vitest";
import type { MonotonicMs } from "../../../src/core/clock.ts";
import type { Key } from "../../../src/core/key.ts";
import { problem } from "../../../src/core/problem.ts";
import { mappingStatus } from "../../../src/daemon/loop/mapping-status.ts";
import type { RestingFile } from "../../../src/replica/moving-files.ts";
import { holdOf, NOTHING_DONE } from "../../support/daemon.ts";
import { clock, failure, kinds, loop, rounds, SECOND, start, state, watcher, useLoop } from "./mapping-loop-fixture.ts";

useLoop();

function due(key: string, inMs: number): RestingFile {
  const now = clock.monotonic();
  return { key: key as Key, since: now, dueAt: (now + inMs) as MonotonicMs, wasCarried: false };
}

describe("a file that is being written", () => {
  it("is looked at alone, when it may be at rest, and shown until then", async () => {
    rounds.script.push({ moving: [due("a.log", 300)] });
    await start({ mode: "push" });
    expect(mappingStatus(loop, false)).toMatchObject({ state: "behind", pending: 1, beingWritten: ["a.log"] });
    await clock.advance(299);
    expect(kinds()).toEqual(["full"]);
    await clock.advance(1);
    expect(kinds()).toEqual(["full", ["a.log"]]);
    expect(mappingStatus(loop, false)).toMatchObject({ state: "in-step", pending: 0, beingWritten: [] });
  });

  it("costs no round while it goes on being written", async () => {
    rounds.script.push({ moving: [due("a.log", 300)] });
    await start({ mode: "push" });
    rounds.stillMoving = () => {
      rounds.moving = [due("a.log", 300)];
      return true;
    };
    await clock.advance(10 * SECOND);
    expect(kinds()).toEqual(["full"]);
    rounds.stillMoving = () => false;
    await clock.advance(300);
    expect(kinds()).toEqual(["full", ["a.log"]]);
  });

  it("that was carried as it is and never rests keeps nobody waiting", async () => {
    rounds.script.push({ moving: [{ ...due("a.log", 300), wasCarried: true }] });
    await start({ mode: "push" });
    expect(mappingStatus(loop, false)).toMatchObject({ state: "in-step", pending: 0, beingWritten: [] });
  });

  it("is looked at by the name of its file", async () => {
    rounds.script.push({ moving: [due("a//b", 300)] });
    await start({ mode: "push" });
    await clock.advance(SECOND);
    expect(kinds()).toEqual(["full", ["a/%/b"]]);
  });

  it("holds up no other", async () => {
    rounds.script.push({ moving: [due("a.log", 5000)] }, { moving: [due("a.log", 5000)] });
    await start({ mode: "push" });
    watcher.events().onDirty(["b"]);
    await clock.advance(0);
    expect(kinds()).toEqual(["full", ["b"]]);
    await clock.advance(5 * SECOND);
    expect(kinds()).toEqual(["full", ["b"], ["a.log"]]);
  });

  it("brings no key forward that is tried again later", async () => {
    const busy = { problems: [problem("unconfirmed", "b", "is not confirmed")], transient: 1 };
    await start({ mode: "push" });
    rounds.script.push({ ...busy, result: { ...NOTHING_DONE, failed: 1 }, moving: [due("a.log", 10)] });
    watcher.events().onDirty(["b"]);
    await clock.advance(10);
    expect(kinds()).toEqual(["full", ["b"], ["a.log"]]);
    await clock.advance(2 * SECOND);
    expect(kinds()).toEqual(["full", ["b"], ["a.log"], ["b"]]);
  });

  it("waits with all the others while the mapping fails, or is held", async () => {
    rounds.script.push({ moving: [due("a.log", 300)] }, failure("network"));
    await start({ mode: "push" });
    await clock.advance(300);
    expect(state()).toBe("error");
    expect(kinds()).toEqual(["full", ["a.log"]]);
    rounds.script.push({ hold: holdOf("p1", clock), moving: [due("a.log", 300)] });
    await clock.advance(3 * SECOND);
    expect(state()).toBe("hold");
    expect(kinds()).toEqual(["full", ["a.log"], "full"]);
  });

  it("is waited for by who asks for a look", async () => {
    await start({ mode: "push" });
    const looked = loop.sync();
    await clock.advance(0);
    await looked;
    expect(rounds.calls.map(({ call }) => call.wait)).toEqual([undefined, { leftMs: 2000, after: "leave-out" }]);
  });
});
