// Which problems stand after one round and the next.

import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import { problem } from "../../../src/core/problem.ts";
import {
  everything,
  lookedAt,
  NO_PROBLEMS,
  STANDING_MAX,
  standingAfter,
  type StandingProblems,
} from "../../../src/mapping/standing-problems.ts";

const bad = (subject: string) => problem("metadata-invalid", subject, "cannot be read");
const at = (ms: number): EpochMs => ms as EpochMs;
const subjects = ({ known }: StandingProblems): readonly string[] => known.map(({ subject }) => subject);

describe("standingAfter", () => {
  const before = standingAfter(NO_PROBLEMS, { kept: [bad("a"), bad("b")], more: 0, covers: everything }, at(1));

  it("keeps what a round over other keys did not look at", () => {
    const after = standingAfter(before, { kept: [], more: 0, covers: lookedAt(["c"], ["c"]) }, at(2));
    expect(after).toEqual(before);
  });

  it("lets go of what was looked at and is right", () => {
    expect(subjects(standingAfter(before, { kept: [], more: 0, covers: lookedAt(["a"], ["a"]) }, at(2)))).toEqual([
      "b",
    ]);
    expect(standingAfter(before, { kept: [], more: 0, covers: everything }, at(2))).toEqual(NO_PROBLEMS);
  });

  it("tells one that stays by when it was first met", () => {
    const after = standingAfter(before, { kept: [bad("b"), bad("c")], more: 0, covers: everything }, at(2));
    expect(after.known.map(({ subject, since }) => [subject, since])).toEqual([
      ["b", 1],
      ["c", 2],
    ]);
  });

  it("keeps a bounded number of them, and counts the rest until the next look at everything", () => {
    const many = Array.from({ length: STANDING_MAX }, (_, i) => bad(`k${i}`));
    const all = standingAfter(before, { kept: many, more: 7, covers: lookedAt([], ["d/"]) }, at(2));
    expect([all.known.length, all.more]).toEqual([STANDING_MAX, 9]);
    const next = standingAfter(all, { kept: [], more: 0, covers: lookedAt(["k0"], []) }, at(3));
    expect([next.known.length, next.more]).toEqual([STANDING_MAX - 1, 9]);
    expect(standingAfter(next, { kept: [], more: 0, covers: everything }, at(4))).toEqual(NO_PROBLEMS);
  });
});
