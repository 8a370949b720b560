// Who gets room when there is too little of it.

import { describe, expect, it } from "vitest";
import { openRoom, type Room } from "../../../src/server/memory-room.ts";

/** A share, and what became of each thing it asked for. */
function enter(room: Room) {
  const share = room.enter();
  const asked: string[] = [];
  return {
    ...share,
    asked,
    ask(bytes: number): void {
      const waits = share.take(bytes);
      const at = asked.push(waits === undefined ? "at once" : "waits") - 1;
      void waits?.then(() => (asked[at] = "later"));
    },
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("a room", () => {
  it("gives what there is at once, and to one more whatever he asks for", () => {
    const room = openRoom(10);
    const [first, second, third] = [enter(room), enter(room), enter(room)];
    first.ask(10);
    second.ask(1000);
    third.ask(1);
    expect([first.asked, second.asked, third.asked]).toEqual([["at once"], ["at once"], ["waits"]]);
  });

  it("gives to those that wait in the order in which they entered, not in which they asked", async () => {
    const room = openRoom(10);
    const [first, beyond, second, third] = [enter(room), enter(room), enter(room), enter(room)];
    first.ask(10);
    beyond.ask(20);
    third.ask(1);
    second.ask(1);
    first.leave();
    await settled();
    expect([second.asked, third.asked]).toEqual([["waits"], ["waits"]]);
    beyond.settle(9);
    await settled();
    expect([second.asked, third.asked]).toEqual([["later"], ["later"]]);
  });

  it("lets nobody pass one who waits", async () => {
    const room = openRoom(10);
    const [first, beyond, large, small] = [enter(room), enter(room), enter(room), enter(room)];
    first.ask(9);
    beyond.ask(19);
    large.ask(9);
    small.ask(1);
    beyond.settle(11);
    first.settle(0);
    await settled();
    expect([large.asked, small.asked]).toEqual([["waits"], ["waits"]]);
  });

  it("lets one go beyond it at a time, until it has room again", async () => {
    const room = openRoom(10);
    const [first, beyond, next] = [enter(room), enter(room), enter(room)];
    first.ask(6);
    beyond.ask(6);
    next.ask(6);
    expect(next.asked).toEqual(["waits"]);
    first.leave();
    await settled();
    expect(next.asked).toEqual(["later"]);
    beyond.ask(6);
    await settled();
    expect(beyond.asked).toEqual(["at once", "waits"]);
  });

  it("brings all to an end that have filled it in part: the oldest that waits goes beyond it, and then the next", async () => {
    const room = openRoom(10);
    const bodies = Array.from({ length: 5 }, () => enter(room));
    for (const body of bodies) body.ask(2);
    for (const body of bodies.toReversed()) body.ask(50);
    await settled();
    // The youngest asked first, when nobody else waited.
    expect(bodies.map(({ asked }) => asked[1])).toEqual(["waits", "waits", "waits", "waits", "at once"]);
    bodies[4]!.ask(50);
    expect(bodies[4]!.asked[2]).toBe("at once");
    for (const [left, next] of [
      [4, 0],
      [0, 1],
      [1, 2],
      [2, 3],
    ] as const) {
      bodies[left]!.leave();
      await settled();
      expect(bodies[next]!.asked[1]).toBe("later");
    }
  });

  it("is not held by who has taken little of what he could", () => {
    const room = openRoom(10);
    const slow = enter(room);
    slow.ask(1);
    const others = Array.from({ length: 9 }, () => enter(room));
    for (const other of others) other.ask(1);
    expect(others.every(({ asked }) => asked[0] === "at once")).toBe(true);
  });

  it("forgets who leaves while he waits", async () => {
    const room = openRoom(10);
    const [first, beyond, gone, next] = [enter(room), enter(room), enter(room), enter(room)];
    first.ask(10);
    beyond.ask(10);
    gone.ask(10);
    next.ask(10);
    gone.leave();
    gone.leave();
    first.leave();
    await settled();
    expect([gone.asked, next.asked]).toEqual([["waits"], ["later"]]);
  });

  it("gives on what turns out to be too much", async () => {
    const room = openRoom(10);
    const [first, beyond, second] = [enter(room), enter(room), enter(room)];
    first.ask(10);
    beyond.ask(10);
    second.ask(8);
    first.settle(1);
    beyond.settle(1);
    await settled();
    expect(second.asked).toEqual(["later"]);
  });
});
