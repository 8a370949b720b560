// Who is logged in to the status page, and for how long.

import { expect, it } from "vitest";
import { openSessions } from "../../../../src/daemon/page/sessions.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const HOUR = 3_600_000;

it("an id is good until it is ended, and no other one is", () => {
  const sessions = openSessions(new FakeClock());
  const [id, other] = [sessions.begin(), sessions.begin()];
  expect(id).toMatch(/^[\w-]{43}$/);
  expect(other).not.toBe(id);
  const found = sessions.find([id], true)!;
  expect(found.isOver()).toBe(false);
  expect(sessions.find([`${id.slice(0, -1)}${id.endsWith("A") ? "E" : "A"}`], true)).toBeUndefined();
  expect(sessions.find(["", "x", `${id} `, id.toUpperCase()], true)).toBeUndefined();
  sessions.end(found);
  expect(found.isOver()).toBe(true);
  expect(sessions.find([id], true)).toBeUndefined();
  expect(sessions.find([other], true)).toBeDefined();
});

it("is found among other cookies of the same name, but not among very many", () => {
  const sessions = openSessions(new FakeClock());
  const id = sessions.begin();
  expect(sessions.find(["bad", id], false)).toBeDefined();
  expect(sessions.find(["1", "2", "3", "4", id], false)).toBeUndefined();
});

it("ends when nothing was asked for for twelve hours", async () => {
  const clock = new FakeClock();
  const sessions = openSessions(clock);
  const id = sessions.begin();
  await clock.advance(11 * HOUR);
  expect(sessions.find([id], true)).toBeDefined();
  await clock.advance(11 * HOUR);
  // To be there is no use of it.
  const found = sessions.find([id], false)!;
  expect(found.isOver()).toBe(false);
  await clock.advance(HOUR);
  expect(found.isOver()).toBe(true);
  expect(sessions.find([id], true)).toBeUndefined();
});

it("ends after a week, however much it is used, and whatever the time of day is set to", async () => {
  const clock = new FakeClock();
  const sessions = openSessions(clock);
  const id = sessions.begin();
  clock.jump(-1000 * HOUR);
  for (let hours = 0; hours < 167; hours++) {
    await clock.advance(HOUR);
    expect(sessions.find([id], true)).toBeDefined();
  }
  await clock.advance(HOUR);
  expect(sessions.find([id], true)).toBeUndefined();
});

it("the one that was not used for longest gives way to the 101st", () => {
  const sessions = openSessions(new FakeClock());
  const ids = Array.from({ length: 100 }, () => sessions.begin());
  const first = sessions.find([ids[0]!], true)!;
  const second = sessions.find([ids[1]!], false)!;
  sessions.begin();
  expect([first.isOver(), second.isOver()]).toEqual([false, true]);
  expect(ids.filter((id) => sessions.find([id], false) !== undefined)).toHaveLength(99);
});
