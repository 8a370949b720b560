import { describe, expect, it } from "vitest";
import type { Key } from "../../../src/core/key.ts";
import { combineFilterRecords, compileFilterRecord, type FilterRecord } from "../../../src/backups/filter-record.ts";

const ALL: FilterRecord = { prefix: "", include: [], exclude: [], excludeDefaults: false, mayLackKeys: false };
const combine = (a: Partial<FilterRecord>, b: Partial<FilterRecord>): FilterRecord =>
  combineFilterRecords({ ...ALL, ...a }, { ...ALL, ...b }, "x.ndjson");
const KEYS = ["a.tmp", "keep.tmp", "b", ".env", "app/a", "app/keep.tmp"].map((key) => key as Key);

describe("two filters as one", () => {
  it.each<[Partial<FilterRecord>, Partial<FilterRecord>]>([
    [{ prefix: "app/" }, { prefix: "a" }],
    [{ include: ["*.tmp"] }, { exclude: ["a*"] }],
    [{ exclude: ["*.tmp", "!keep.tmp"] }, { exclude: ["b"] }],
    [{ exclude: ["b", "*.tmp"] }, { exclude: ["a.tmp", "!keep.tmp"] }],
    [{ excludeDefaults: true }, { exclude: ["b", "!.env"] }],
  ])("let through what passes %j and %j", (a, b) => {
    const both = compileFilterRecord(combine(a, b));
    const [first, second] = [a, b].map((record) => compileFilterRecord({ ...ALL, ...record }));
    expect(KEYS.filter(both)).toEqual(KEYS.filter((key) => first!(key) && second!(key)));
  });

  it("may lack keys if either may", () => {
    expect(combine({ mayLackKeys: true }, { prefix: "app/" })).toMatchObject({ prefix: "app/", mayLackKeys: true });
    expect(combine({ prefix: "app/" }, {})).toMatchObject({ mayLackKeys: false });
  });

  it.each<[Partial<FilterRecord>, Partial<FilterRecord>]>([
    [{ prefix: "a" }, { prefix: "b" }],
    [{ include: ["a"] }, { include: ["b"] }],
    [{ exclude: ["a", "!b"] }, { exclude: ["b", "!a"] }],
  ])("are refused where one cannot say both: %j and %j", (a, b) => {
    expect(() => combine(a, b)).toThrow(/cannot be told of x\.ndjson/);
  });
});
