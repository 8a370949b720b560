// What was spent of a budget counts in the next process, whatever became of the machine's clock in between.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Budgets, openBudgets } from "../../../src/journal/budgets.ts";
import { type Journal, openScratchJournal } from "../../../src/journal/journal.ts";
import type { EpochMs, MonotonicMs } from "../../../src/core/clock.ts";

const HOUR = 3_600_000;
let journal: Journal;

beforeEach(() => {
  journal = openScratchJournal();
});

afterEach(() => journal.close());

/** The budgets as a process sees them whose clocks show this. */
const at = (now: number, monotonic: number): Budgets =>
  openBudgets(journal, { now: () => now as EpochMs, monotonic: () => monotonic as MonotonicMs });

describe("requests of 0 and 5 seconds ago, when they were written down", () => {
  it.each<[string, now: number, monotonic: number, since: number]>([
    ["a minute later", 60_000, 60_000, 60_000],
    ["a minute later, with the clock set forward by an hour", 60_000 + HOUR, 60_000, 60_000],
    ["a minute later, with the clock set back by an hour", 60_000 - HOUR, 60_000, 60_000],
    ["an hour later, with the machine started anew a minute ago", HOUR, 60_000 - HOUR, HOUR],
    ["the machine started anew a minute ago, with its clock set back", -HOUR, 60_000 - HOUR, 60_000],
  ])("%s", (_, now, monotonic, since) => {
    // The machine has been up for an hour.
    at(1_800_000_000_000, HOUR).put("prod", [0, 5000]);
    expect(at(1_800_000_000_000 + now, HOUR + monotonic).get("prod")).toEqual([since, since + 5000]);
  });
});

it("reads what an older kvsync wrote down, moments by the time of day", () => {
  journal.database.prepare("INSERT INTO budget VALUES ('prod', '[900, 2000]')").run();
  expect(at(1000, 0).get("prod")).toEqual([100, 0]);
});

it("knows nothing of an account that has sent nothing", () => {
  expect(at(0, 0).get("other")).toEqual([]);
});
