// Guessing is slowed, by address; and who has a valid token is not kept waiting by those who guess.

import { describe, expect, it } from "vitest";
import { FREE_FAILURES, openAttempts } from "../../../../src/server/access/attempts.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

function open() {
  const clock = new FakeClock();
  const slowed: string[] = [];
  const attempts = openAttempts(clock, (address) => slowed.push(address));
  const fail = (address: string, times: number): unknown[] =>
    Array.from({ length: times }, () => attempts.failed(address));
  return { clock, attempts, slowed, fail };
}

describe("an address from which nobody has a valid token", () => {
  it("is not heard for longer and longer, up to ten seconds, and told of once", async () => {
    const { clock, attempts, slowed, fail } = open();
    fail("1.2.3.4", FREE_FAILURES);
    expect([attempts.refusedFor("1.2.3.4"), slowed]).toEqual([0, []]);
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      fail("1.2.3.4", 1);
      waits.push(attempts.refusedFor("1.2.3.4"));
      await clock.advance(waits.at(-1)!);
      expect(attempts.refusedFor("1.2.3.4")).toBe(0);
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    expect(slowed).toEqual(["1.2.3.4"]);
    expect(attempts.refusedFor("1.2.3.5")).toBe(0);
  });

  it("begins anew after ten minutes without a wrong token", async () => {
    const { clock, attempts, fail } = open();
    fail("1.2.3.4", FREE_FAILURES);
    await clock.advance(600_000);
    fail("1.2.3.4", 1);
    expect(attempts.refusedFor("1.2.3.4")).toBe(0);
  });
});

describe.each([
  ["from which somebody has a valid token", "1.2.3.4"],
  ["of this machine, where a proxy may run", "127.0.0.1"],
])("an address %s", (_, address) => {
  it("is always heard, and a wrong token from there is answered late", () => {
    const { attempts, fail } = open();
    attempts.accepted("1.2.3.4");
    expect(fail(address, FREE_FAILURES).every((delay) => delay === 0)).toBe(true);
    expect(fail(address, 3)).toEqual([250, 500, 1000]);
    expect(attempts.refusedFor(address)).toBe(0);
  });
});

it("has at most a hundred answers wait, and the others refused at once", async () => {
  const { clock, attempts, fail } = open();
  fail("127.0.0.1", FREE_FAILURES + 106);
  expect(attempts.failed("127.0.0.1")).toBe("too-many");
  await clock.advance(10_000);
  expect(attempts.failed("127.0.0.1")).toBe(10_000);
});

it("forgets a valid token's address after an hour", async () => {
  const { clock, attempts, fail } = open();
  attempts.accepted("1.2.3.4");
  await clock.advance(3_600_000);
  fail("1.2.3.4", FREE_FAILURES + 1);
  expect(attempts.refusedFor("1.2.3.4")).toBe(250);
});

it("remembers ten thousand addresses, and forgets the one it has not heard of for the longest time", () => {
  const { attempts, fail } = open();
  fail("first", FREE_FAILURES + 1);
  for (let i = 0; i < 9999; i++) fail(`a${i}`, 1);
  expect(attempts.refusedFor("first")).toBe(250);
  fail("one more", 1);
  expect(attempts.refusedFor("first")).toBe(0);
});

it("knows the wrong token that an address has tried last, and no other one's", () => {
  const { attempts } = open();
  const asked = [
    ["1.2.3.4", "old"],
    ["1.2.3.4", "old"],
    ["1.2.3.5", "old"],
    ["1.2.3.4", "guess"],
    ["1.2.3.4", "old"],
    ["1.2.3.4", "old"],
  ] as const;
  expect(asked.map(([address, token]) => attempts.isRepeated(address, token))).toEqual([
    false,
    true,
    false,
    false,
    false,
    true,
  ]);
});
