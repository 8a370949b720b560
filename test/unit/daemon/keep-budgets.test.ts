// What was spent of a request budget outlives the process that spent it.

import { expect, it } from "vitest";
import { keepBudgets } from "../../../src/daemon/keep-budgets.ts";
import { openBudgets } from "../../../src/journal/budgets.ts";
import { openScratchJournal } from "../../../src/journal/journal.ts";
import { FakeClock } from "../../support/fake-clock.ts";

it("writes budgets down while they are spent, and once more at the end", async () => {
  const clock = new FakeClock();
  const journal = openScratchJournal();
  const budgets = openBudgets(journal, clock);
  const recent = new Map<string, number[]>([["prod", [1, 2]]]);
  const keeper = keepBudgets({ clock, budgets, recent: () => recent });
  expect(budgets.get("prod")).toEqual([]);
  await clock.advance(15_000);
  expect(budgets.get("prod")).toEqual([1, 2]);
  recent.set("prod", [2, 3]);
  recent.set("other", [4]);
  await keeper.close();
  expect([budgets.get("prod"), budgets.get("other"), budgets.get("none")]).toEqual([[2, 3], [4], []]);
  expect(clock.sleeping).toBe(0);
  journal.close();
});

it("goes on where the disk refuses, and tries again", async () => {
  const clock = new FakeClock();
  const full = Object.assign(new Error("database or disk is full"), { code: "ERR_SQLITE_ERROR", errcode: 13 });
  let isFull = true;
  const kept: number[][] = [];
  const put = (_: string, moments: readonly number[]): void => {
    if (isFull) throw full;
    kept.push([...moments]);
  };
  const keeper = keepBudgets({ clock, budgets: { get: () => [], put }, recent: () => new Map([["prod", [1]]]) });
  await clock.advance(60_000);
  isFull = false;
  await clock.advance(15_000);
  expect(kept).toEqual([[1]]);
  await keeper.close();
});
