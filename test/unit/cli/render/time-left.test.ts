import { expect, test } from "vitest";
import { openTimeLeft, type Traffic } from "../../../../src/cli/render/time-left.ts";
import { type Budget, openBudget } from "../../../../src/kv/budget.ts";
import type { RequestCounts } from "../../../../src/kv/kv-api.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const KEYS_A_REQUEST = 100;
const ANSWER_MS = 200;

function openAccount(clock: FakeClock, requests: number): Traffic & { send(): Promise<void> } {
  const budget: Budget = openBudget({ clock, requests, windowMs: 60_000 });
  let total = 0;
  return {
    budget,
    counts: () => ({ total }) as RequestCounts,
    send: async () => {
      const permit = await budget.acquire("edit");
      total++;
      await clock.sleep(ANSWER_MS);
      permit.settle();
    },
  };
}

/** Carries `keys` over `account`, some requests at a time, and reads the time left every 100 ms until all are. */
async function carry(clock: FakeClock, account: Traffic & { send(): Promise<void> }, keys: number, atOnce = 4) {
  const timeLeft = openTimeLeft(clock, () => [account]);
  const readings: { atMs: number; leftMs: number | undefined; heldMs: number }[] = [];
  const progress = { begun: 0, done: 0 };
  const work = async (): Promise<void> => {
    while (progress.begun < keys) {
      progress.begun += KEYS_A_REQUEST;
      await account.send();
      progress.done += KEYS_A_REQUEST;
      timeLeft.update({ phase: "writing", done: progress.done, total: keys });
    }
  };
  const all = Promise.all(Array.from({ length: atOnce }, work));
  while (progress.done < keys) {
    await clock.advance(100);
    readings.push({ atMs: clock.monotonic(), ...timeLeft.read() });
  }
  await all;
  return { readings, endMs: clock.monotonic() };
}

test("while the request budget is used up, the time left is what the pull still takes", async () => {
  const clock = new FakeClock();
  const account = openAccount(clock, 100);
  // What listed the keys, one after the other, is in the window too.
  for (let i = 0; i < 20; i++) {
    const sent = account.send();
    await clock.advance(ANSWER_MS);
    await sent;
  }
  const { readings, endMs } = await carry(clock, account, 25_000);
  expect(endMs).toBeGreaterThan(120_000);
  const held = readings.filter((reading) => reading.heldMs > 1000);
  expect(held.length).toBeGreaterThan(900);
  for (const { atMs, leftMs } of held) {
    expect(leftMs).toBeDefined();
    expect(Math.abs(leftMs! - (endMs - atMs))).toBeLessThan(1500);
  }
});

test("the wait counts down", async () => {
  const clock = new FakeClock();
  const { readings } = await carry(clock, openAccount(clock, 10), 2000);
  const waits = readings.map((reading) => reading.heldMs).filter((heldMs) => heldMs > 0);
  expect(Math.max(...waits)).toBeGreaterThan(58_000);
  expect(waits.slice(1).every((heldMs, i) => heldMs < waits[i]!)).toBe(true);
});

test("without a limit it is what the pace says", async () => {
  const clock = new FakeClock();
  const { readings, endMs } = await carry(clock, openAccount(clock, Number.POSITIVE_INFINITY), 10_000);
  const told = readings.filter((reading) => reading.atMs >= 2000);
  expect(told.length).toBeGreaterThan(25);
  for (const { atMs, leftMs } of told) expect(Math.abs(leftMs! - (endMs - atMs))).toBeLessThan(600);
});

test("a phase that goes on counting has a rate of its own", async () => {
  const clock = new FakeClock();
  const timeLeft = openTimeLeft(clock, () => []);
  timeLeft.update({ phase: "writing", done: 1, total: 2000 });
  await clock.advance(1000);
  timeLeft.update({ phase: "writing", done: 1000, total: 2000 });
  timeLeft.read();
  await clock.advance(1000);
  timeLeft.update({ phase: "removing", done: 1010, total: 2000 });
  expect(timeLeft.read()).toEqual({ rate: 10, heldMs: 0, leftMs: 99_000 });
});

test("a phase that counts anew does so from nothing", async () => {
  const clock = new FakeClock();
  const timeLeft = openTimeLeft(clock, () => []);
  timeLeft.update({ phase: "comparing", done: 50, total: undefined });
  await clock.advance(1000);
  timeLeft.update({ phase: "writing", done: 100, total: 300 });
  expect(timeLeft.read()).toEqual({ rate: 100, heldMs: 0, leftMs: 2000 });
});
