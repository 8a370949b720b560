import { expect, it } from "vitest";
import { type EstimatedNamespace, estimateMigration } from "../../../src/migration/preflight/estimate.ts";

const BUDGET = { requests: 1200, windowMs: 300_000 };
const EMPTY: EstimatedNamespace = { sourceKeys: 0, destinationKeys: 0, replaced: 0, writes: 0, bytes: 0 };
const estimate = (one: Partial<EstimatedNamespace>, proofShare = 0) =>
  estimateMigration([{ ...EMPTY, ...one }], { proofShare, source: BUDGET, destination: BUDGET });

it.each<[string, Partial<EstimatedNamespace>, number, number]>([
  // A page of each side to plan, and one to prove.
  ["nothing", {}, 2, 2],
  // 100 values a bulk get, 10,000 a bulk write; 10 pages to prove.
  ["10,000 keys to an empty namespace", { sourceKeys: 10_000, writes: 10_000 }, 2 * 10 + 100, 1 + 1 + 10],
  // The archive takes a listing of its own, and reads all values.
  ["nothing to one that holds 1,000 other keys", { destinationKeys: 1000 }, 2, 3 + 10],
  // What is replaced is read once more, and is there once in the end.
  [
    "1,000 keys over others of the same names",
    { sourceKeys: 1000, writes: 1000, destinationKeys: 1000, replaced: 1000 },
    2 + 10,
    3 + 10 + 10 + 1,
  ],
])("counts the requests of %s", (_, one, source, destination) => {
  expect(estimate(one).requests).toEqual({ source, destination });
});

it("counts what is read to be kept in money, and in days of the Free plan", () => {
  const kept = estimate({ destinationKeys: 1_000_000 });
  // Half a dollar a million reads, five a million listings: 1,000 pages three times, and one of the source twice.
  expect(kept.dollars).toBeCloseTo(0.5 + (5 * 3002) / 1e6);
  expect(kept.freePlanDays).toBe(10);
});

it("takes the time of the side that is slower under its budget", () => {
  expect(estimate({ sourceKeys: 1000, writes: 1000 }).timeMs).toBe(0);
  expect(estimate({ destinationKeys: 240_000 }).timeMs).toBeCloseTo(((3 * 240 + 2400 - 1200) / 1200) * 300_000);
});
