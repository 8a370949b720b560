// Room for answers: who is let in, who waits, and that somebody can always go on.

import { describe, expect, it } from "vitest";
import { openAnswerRoom } from "../../../src/kv/answer-room.ts";

/** Whether `room` was given, asked after all that is due has run. */
async function isGiven(room: Promise<void> | undefined): Promise<boolean> {
  let given = room === undefined;
  void room?.then(
    () => (given = true),
    () => undefined,
  );
  await new Promise((resolve) => setImmediate(resolve));
  return given;
}

describe("room for answers", () => {
  it("lets answers in as long as they fit, and the next ones by the order in which they began", async () => {
    const room = openAnswerRoom(100);
    const [first, second, third, fourth] = [1, 2, 3, 4].map(() => room.open(5, 1));
    expect(room.bytes).toBe(20);
    expect(first!.admit(60)).toBeUndefined();
    const waits = [second!.admit(50), third!.admit(60), fourth!.admit(1)];
    expect(await Promise.all(waits.map(isGiven))).toEqual([false, false, false]);
    first!.end();
    // The third does not fit beside the second, and the fourth does not overtake it.
    expect(await Promise.all(waits.map(isGiven))).toEqual([true, false, false]);
    second!.end();
    expect(await Promise.all(waits.map(isGiven))).toEqual([true, true, true]);
    third!.end();
    fourth!.end();
    expect(room.bytes).toBe(0);
  });

  it("lets the first go beyond the bound, once nothing is left to be taken", async () => {
    const room = openAnswerRoom(100);
    const [first, second] = [room.open(0, 3), room.open(0, 1)];
    room.keep(20);
    const [large, small] = [first.admit(50), second.admit(10)];
    expect([await isGiven(large), await isGiven(small)]).toEqual([false, false]);
    room.keep(-20);
    expect([await isGiven(large), await isGiven(small)]).toEqual([true, false]);
    expect(room.bytes).toBe(150);
    first.end();
    expect(await isGiven(small)).toBe(true);
  });

  it("holds back answers that come without a length where they are, but for the first", async () => {
    const room = openAnswerRoom(100);
    const [first, second] = [room.open(0, 1), room.open(0, 1)];
    for (const bytes of [20, 40]) for (const one of [first, second]) expect(one.admit(bytes)).toBeUndefined();
    const held = second.admit(70);
    expect(await isGiven(held)).toBe(false);
    for (const bytes of [60, 80, 100]) expect(first.admit(bytes)).toBeUndefined();
    expect(room.bytes).toBe(140);
    room.keep(100);
    first.end();
    expect(await isGiven(held)).toBe(false);
    room.keep(-100);
    expect(await isGiven(held)).toBe(true);
  });

  it("fails those who wait, and those who come later", async () => {
    const room = openAnswerRoom(10);
    const [first, second] = [room.open(0, 1), room.open(0, 1)];
    expect(first.admit(10)).toBeUndefined();
    const held = second.admit(10);
    room.fail(new Error("not wanted"));
    await expect(held).rejects.toThrow("not wanted");
    expect(() => room.open(0, 1).admit(1)).toThrow("not wanted");
  });
});
