import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import { countUntil } from "../../../src/core/true-order.ts";

const NOW = 100 as EpochMs;

describe("what came about until a moment", () => {
  it.each<[what: string, dates: readonly number[], at: number, count: number]>([
    ["nothing of nothing", [], 50, 0],
    ["what is dated so", [10, 20, 30], 20, 2],
    ["not what is dated ahead, if nothing follows", [10, 900], 20, 1],
    ["also what is dated ahead, if what follows is dated before", [10, 900, 20], 20, 3],
    ["also what is dated ahead of what two others say, and not of now", [90, 10, 20], 30, 3],
    ["not what is dated far behind after something later", [10, 30, 1], 20, 1],
    ["not what is dated far behind between two of the time", [10, 30, 1, 2, 40, 50], 20, 1],
    ["all of it, if a clock that was far ahead was put right long ago", [900, 901, 902, 10, 20, 30], 30, 6],
  ])("%s", (_, dates, at, count) => {
    expect(countUntil(dates, at as EpochMs, NOW)).toBe(count);
  });

  it("is what the dates say where they do not go back", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100)), fc.nat(100), (dates, at) => {
        const ordered = dates.toSorted((a, b) => a - b);
        expect(countUntil(ordered, at as EpochMs, NOW)).toBe(ordered.filter((date) => date <= at).length);
      }),
    );
  });

  it("is the same when dates between two others are wrong", () => {
    const ordered = Array.from({ length: 20 }, (_, i) => i * 5);
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 16 }), fc.integer({ min: -500, max: 500 }), (index, date) => {
        const at = 95 as EpochMs;
        const before = 4 as EpochMs;
        const wrong = ordered.with(index, date);
        expect([countUntil(wrong, at, NOW), countUntil(wrong, before, NOW)]).toEqual([20, 1]);
      }),
    );
  });
});
