import { describe, expect, it } from "vitest";
import { checkGuards, type PlanCounts, type Trip } from "../../../src/core/guards.ts";

const quarter = { maxDelete: { share: 0.25 } };

type Row = [title: string, counts: PlanCounts, trip: Trip["guard"] | undefined];

const table: Row[] = [
  ["no removals, whatever else", { sourceKeys: 0, destinationKeys: 0, removes: 0, writes: 0 }, undefined],
  ["a quarter", { sourceKeys: 75, destinationKeys: 100, removes: 25, writes: 0 }, undefined],
  ["more than a quarter", { sourceKeys: 74, destinationKeys: 100, removes: 26, writes: 0 }, "max-delete"],
  ["ten of a few", { sourceKeys: 2, destinationKeys: 12, removes: 10, writes: 0 }, undefined],
  ["eleven of a few", { sourceKeys: 1, destinationKeys: 12, removes: 11, writes: 0 }, "max-delete"],
  ["all, since the source is empty", { sourceKeys: 0, destinationKeys: 2, removes: 2, writes: 0 }, "source-empty"],
  [
    "all that is there, and nothing comes",
    { sourceKeys: 5, destinationKeys: 2, removes: 2, writes: 0 },
    "source-empty",
  ],
  ["all that is there, for something else", { sourceKeys: 2, destinationKeys: 2, removes: 2, writes: 2 }, undefined],
];

describe("a plan with removals", () => {
  it.each(table)("of %s", (_title, counts, guard) => {
    expect(checkGuards(counts, quarter)?.guard).toBe(guard);
  });

  it("is measured against a plain count, too", () => {
    const counts = { sourceKeys: 95, destinationKeys: 100, removes: 5, writes: 0 };
    expect(checkGuards(counts, { maxDelete: { count: 5 } })).toBeUndefined();
    expect(checkGuards(counts, { maxDelete: { count: 4 } })).toEqual({ guard: "max-delete", removes: 5, allowed: 4 });
  });
});
