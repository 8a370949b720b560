import { describe, expect, it } from "vitest";
import { type IndexObject, planIndex } from "../../../../src/backup/prune/tidy-index.ts";
import type { EpochMs } from "../../../../src/core/clock.ts";

const HOUR = 3_600_000;
const NOW = 1_800_000_000_000 as EpochMs;
/** `abc` names the packs a, b and c. */
const object = (id: string, packs: string, hours: number, size = 1000): IndexObject => ({
  id,
  size,
  modified: (NOW - hours * HOUR) as EpochMs,
  packs: packs.split(""),
});
const many = Array.from({ length: 8 }, (_, i) => object(`m${i}`, "pqrstuvw"[i]!, 30 + i));

type Row = readonly [string, readonly IndexObject[], { remove?: readonly string[]; merge?: readonly string[] }];

const table: readonly Row[] = [
  ["that are all there is", [object("1", "a", 9), object("2", "b", 8)], {}],
  [
    "that a newer one replaces",
    [object("1", "a", 9), object("2", "b", 8), object("3", "ab", 2)],
    { remove: ["1", "2"] },
  ],
  ["that one replaces which a listing may not show yet", [object("1", "a", 9), object("2", "a", 0.9)], {}],
  ["that an older one tells as well", [object("1", "ab", 9), object("2", "a", 2)], {}],
  [
    "that several newer ones replace",
    [object("1", "ab", 9), object("2", "a", 3), object("3", "b", 2)],
    { remove: ["1"] },
  ],
  ["that tell the same, of the same time", [object("1", "a", 5), object("2", "a", 5)], { remove: ["1"] }],
  ["whose packs are gone", [object("1", "X", 0), object("2", "a", 5)], { remove: ["1"] }],
  ["of which a newer one lacks only what is gone", [object("1", "aX", 9), object("2", "a", 5)], { remove: ["1"] }],
  ["that are many and small", many, { merge: many.map(({ id }) => id) }],
  ["that are many and small, and replaced already", [...many, object("9", "pqrstuvw", 0.5)], {}],
  ["that are many, and large", many.map((each) => ({ ...each, size: 2_000_000 })), {}],
];

describe("prune takes index objects", () => {
  it.each(table)("%s", (_title, objects, { remove = [], merge = [] }) => {
    const plan = planIndex(objects, { now: NOW, isThere: (pack) => pack !== "X" });
    expect(plan.remove.map(({ id }) => id).toSorted()).toEqual(remove);
    expect(plan.merge.map(({ id }) => id).toSorted()).toEqual(merge);
    expect(planIndex(objects.toReversed(), { now: NOW, isThere: (pack) => pack !== "X" })).toEqual(plan);
  });
});
