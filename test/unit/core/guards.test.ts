import { describe, expect, it } from "vitest";
import { checkGuards, type GuardLimits, type PlanCounts, renderTrip, type Trip } from "../../../src/core/guards.ts";

const quarter: GuardLimits = { maxDelete: { share: 0.25 }, maxOverwrite: "not-all" };

type Removals = Pick<PlanCounts, "sourceKeys" | "destinationKeys" | "removes"> & Partial<PlanCounts>;

const none = { overwrites: 0, agreed: 0, known: 0, knownRemoves: 0, renames: 0, removedLately: 0 };
type Row = [title: string, counts: Removals, trip: Trip["guard"] | undefined];

const table: Row[] = [
  ["no removals, whatever else", { sourceKeys: 0, destinationKeys: 0, removes: 0 }, undefined],
  ["a quarter", { sourceKeys: 75, destinationKeys: 100, removes: 25 }, undefined],
  ["more than a quarter", { sourceKeys: 74, destinationKeys: 100, removes: 26 }, "max-delete"],
  [
    "a quarter, with what rounds before removed",
    { sourceKeys: 75, destinationKeys: 80, removes: 5, removedLately: 20 },
    undefined,
  ],
  [
    "more than a quarter, with that",
    { sourceKeys: 74, destinationKeys: 80, removes: 6, removedLately: 20 },
    "max-delete",
  ],
  ["ten of a few", { sourceKeys: 2, destinationKeys: 12, removes: 10 }, undefined],
  ["eleven of a few", { sourceKeys: 1, destinationKeys: 12, removes: 11 }, "max-delete"],
  ["all, since the source is empty", { sourceKeys: 0, destinationKeys: 2, removes: 2 }, "source-empty"],
  ["all that is there, and nothing comes", { sourceKeys: 5, destinationKeys: 2, removes: 2 }, "source-empty"],
  ["all that is there, for something else", { sourceKeys: 2, destinationKeys: 2, removes: 2 }, "source-empty"],
  ["all that is there, under other names", { sourceKeys: 2, destinationKeys: 2, removes: 2, renames: 2 }, undefined],
  ["all, half of it under other names", { sourceKeys: 2, destinationKeys: 2, removes: 2, renames: 1 }, "source-empty"],
  [
    "all that both sides had agreed on, beside keys of others",
    { sourceKeys: 1, destinationKeys: 40, removes: 8, known: 8, knownRemoves: 8 },
    "source-empty",
  ],
  [
    "all but one that both sides had agreed on",
    { sourceKeys: 1, destinationKeys: 40, removes: 7, known: 8, knownRemoves: 7 },
    undefined,
  ],
];

describe("a plan with removals", () => {
  it.each(table)("of %s", (_title, counts, guard) => {
    expect(checkGuards({ ...none, ...counts }, quarter)?.guard).toBe(guard);
  });

  it("is measured against a plain count, too", () => {
    const counts = { ...none, sourceKeys: 95, destinationKeys: 100, removes: 5, agreed: 95 };
    expect(checkGuards(counts, { ...quarter, maxDelete: { count: 5 } })).toBeUndefined();
    expect(checkGuards(counts, { ...quarter, maxDelete: { count: 4 } })).toEqual({
      guard: "max-delete",
      removes: 5,
      allowed: 4,
    });
  });

  it("is held for the first of them where the share is nothing", () => {
    const counts = { ...none, sourceKeys: 99, destinationKeys: 100, removes: 1, agreed: 99 };
    expect(checkGuards(counts, { ...quarter, maxDelete: { share: 0 } })).toEqual({
      guard: "max-delete",
      removes: 1,
      allowed: 0,
    });
    const { removes: _, ...others } = counts;
    const overwritten = { ...others, removes: 0, overwrites: 1 };
    expect(checkGuards(overwritten, { ...quarter, maxOverwrite: { share: 0 } })?.guard).toBe("max-overwrite");
  });
});

type Overwrites = [
  title: string,
  limit: GuardLimits["maxOverwrite"],
  counts: { readonly overwrites: number; readonly agreed: number },
  allowed: number | undefined,
];

const overwrites: Overwrites[] = [
  ["all of ten", "not-all", { overwrites: 10, agreed: 10 }, 9],
  ["all of nine", "not-all", { overwrites: 9, agreed: 9 }, undefined],
  ["all but one of many", "not-all", { overwrites: 999, agreed: 1000 }, undefined],
  ["all of many", "not-all", { overwrites: 1000, agreed: 1000 }, 999],
  ["all of many, which is allowed", { share: 1 }, { overwrites: 1000, agreed: 1000 }, undefined],
  ["half of them, which is allowed", { share: 0.5 }, { overwrites: 50, agreed: 100 }, undefined],
  ["more than half of them", { share: 0.5 }, { overwrites: 51, agreed: 100 }, 50],
  ["nine of a few, whatever the share", { share: 0.1 }, { overwrites: 9, agreed: 12 }, undefined],
  ["as many as are allowed", { count: 5 }, { overwrites: 5, agreed: 100 }, undefined],
  ["more than a plain count", { count: 5 }, { overwrites: 6, agreed: 100 }, 5],
  ["none of none", { count: 0 }, { overwrites: 0, agreed: 0 }, undefined],
];

describe("a plan that overwrites what both sides had agreed on", () => {
  it.each(overwrites)("%s", (_title, maxOverwrite, counts, allowed) => {
    const plan = { ...none, sourceKeys: 1000, destinationKeys: 1000, removes: 0, ...counts };
    const trip = checkGuards(plan, { ...quarter, maxOverwrite });
    expect(trip).toEqual(allowed === undefined ? undefined : { guard: "max-overwrite", ...counts, allowed });
  });
});

describe("a guard that was tripped says", () => {
  it.each<[Trip, string]>([
    [
      { guard: "source-empty", removes: 1 },
      "1 key would be removed from the folder, since the namespace has none of them",
    ],
    [
      { guard: "max-delete", removes: 320, allowed: 80 },
      "320 keys would be removed from the folder, and 80 are allowed (max_delete)",
    ],
    [
      { guard: "max-delete", removes: 1, allowed: 50, lately: 50 },
      "1 key would be removed from the folder after 50 in the last ten minutes, and 50 are allowed (max_delete)",
    ],
    [
      { guard: "max-overwrite", overwrites: 12, agreed: 12, allowed: 11 },
      "all 12 keys that both sides agreed on would be overwritten in the folder (max_overwrite)",
    ],
    [
      { guard: "max-overwrite", overwrites: 60, agreed: 100, allowed: 50 },
      "60 of 100 keys that both sides agreed on would be overwritten in the folder, and 50 are allowed (max_overwrite)",
    ],
  ])("%j", (trip, text) => {
    expect(renderTrip(trip, { changed: "the folder", other: "the namespace" })).toBe(text);
  });
});
