import { describe, expect, it } from "vitest";
import {
  lastUntil,
  newestOf,
  parentsFirst,
  renderDoubt,
  timeSnapshots,
} from "../../../../src/backup/repository/snapshot-times.ts";
import type { ObjectId } from "../../../../src/backup/repository/repository.ts";
import type { EpochMs } from "../../../../src/core/clock.ts";
import { SNAPSHOT } from "../../../support/repository-fixture.ts";

/** `a@10` was made at 12:10, `b@20<a` beside `a` at 12:20. */
function snapshotsOf(text: string) {
  return text.split(" ").map((each) => {
    const [, id, minute, parent] = /^(\w)@(\d+)(?:<(\w))?$/.exec(each)!;
    const created = `2026-11-28T12:${minute}:00.000Z`;
    return { ...SNAPSHOT, id: id as ObjectId, created, listed: [created, created] as const, parent: parent ?? null };
  });
}
const NOW = Date.parse("2026-11-28T12:30Z") as EpochMs;

describe("the newest of snapshots", () => {
  it.each([
    ["a@10 b@20 c@15", "b"],
    // The clock was ahead when a was made: what was made beside it came later.
    ["a@29 b@20<a", "b"],
    ["a@29 b@20<a c@25<b", "c"],
    ["a@50 b@20<a", "b"],
    // The clock was at its beginning when b was made.
    ["a@20 b@01<a", "b"],
    // What came between is forgotten: of two that may be the last the one that is not of the future.
    ["a@50 c@25<b", "c"],
    ["a@50", "a"],
    ["a@50 b@55", "b"],
    // It is newer than what it was made beside, whatever its time is, and that one is newer than c.
    ["a@20 b@50<a", "b"],
    ["a@20 b@50<a c@10", "b"],
    ["a@20 b@50<a c@55<b d@10", "c"],
    ["a@20 b@50<a c@25", "c"],
    // Two were made beside the same one.
    ["a@10 b@20<a c@25<a", "c"],
  ])("%s is %s", (text, expected) => expect(newestOf(snapshotsOf(text), NOW)?.id).toBe(expected));

  it("is the last of them in order, which goes by their times, and where these are not believed by what they were made beside", () => {
    const order = (text: string): string => {
      const timed = timeSnapshots(snapshotsOf(text), NOW);
      return timed.map((each) => `${each.snapshot.id}${renderDoubt(each) === undefined ? "" : "?"}`).join("");
    };
    expect(order("c@25 a@10 b@20")).toBe("abc");
    // The clock was behind when b was made, or ahead when a was.
    expect(order("b@05<a a@20 c@15 d@25")).toBe("cab?d");
    expect(order("c@25<b b@50<a a@20 d@22")).toBe("ab?dc");
    expect(order("b@50 a@20")).toBe("b?a");
    expect(renderDoubt(timeSnapshots(snapshotsOf("b@05<a a@20"), NOW)[1]!)).toBe("made after a: a clock was wrong");
  });

  it("is told where a time lies in the future", () => {
    const all = snapshotsOf("a@50 b@20");
    expect(lastUntil(all, Infinity as EpochMs, NOW)).toMatchObject({
      snapshot: { id: "b" },
      warnings: [
        "snapshot a of prod:app-config is of the future (2026-11-28T12:50:00.000Z): a clock was wrong when it was made. b is taken for the latest one",
      ],
    });
    expect(lastUntil(snapshotsOf("a@50"), Infinity as EpochMs, NOW)?.warnings[0]).toContain("It is taken all the same");
  });
});

describe("the last snapshot up to a time", () => {
  it.each([
    ["a@10 b@20", "20", "b", 0],
    ["a@10 b@20", "19", "a", 0],
    ["a@10 b@20", "09", undefined, 0],
    // One goes back because what was last is bad: what may have been made later is not taken, whatever its time says.
    ["a@20 b@01<a", "19", undefined, 0],
    ["z@03 a@20 b@01<a", "19", "z", 1],
    ["a@20 b@01<a", "20", "b", 0],
    ["a@20 b@50<a", "25", "a", 0],
    ["a@20 b@50<a c@25<b", "24", "a", 0],
    ["a@20 b@50<a", "55", "b", 1],
  ])("of %s at %s is %s", (text, minute, expected, warnings) => {
    const last = lastUntil(snapshotsOf(text), Date.parse(`2026-11-28T12:${minute}Z`) as EpochMs, NOW);
    expect(last?.snapshot.id).toBe(expected);
    expect(last?.warnings.length ?? 0).toBe(warnings);
  });
});

it("parents go before those that were made beside them", () => {
  const ids = (text: string): string =>
    parentsFirst(snapshotsOf(text))
      .map(({ id }) => id)
      .join("");
  expect(ids("b@20<a c@25<b a@29")).toBe("abc");
  expect(ids("a@10 b@20<x")).toBe("ab");
});
