import { count } from "../../../../src/core/counted.ts";
import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { openProgress, renderProgress } from "../../../../src/cli/render/progress.ts";
import { openOutput, type OutputStream } from "../../../../src/cli/render/output.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

test.each([
  [0, "0"],
  [999, "999"],
  [1000, "1,000"],
  [1_234_567, "1,234,567"],
  [1234.56, "1,234.6"],
  [0.04, "0"],
])("%d is shown as %s", (value, text) => expect(count(value)).toBe(text));

const WRITING = { phase: "writing", done: 6214, total: 10_000, bytes: 2 ** 21 };

test("a line tells how far, how fast and how long still", () => {
  expect(renderProgress("app-config", WRITING, { rate: 1243, heldMs: 0, leftMs: 3046 })).toBe(
    "app-config writing [##############----------]  62% 6,214/10,000 keys, 2 MiB, 1,243/s, 3s left",
  );
});

test.each([
  [
    120,
    "app-config writing [######----]  62% 6,214/10,000 keys, 2 MiB, waiting 38s for the request budget, 1m 20s left",
  ],
  [100, "app-config writing 6,214/10,000 keys, 2 MiB, waiting 38s for the request budget, 1m 20s left"],
  [80, "app-config writing 6,214/10,000 keys, waiting 38s for the budget, 1m 20s left"],
  [70, "app-config writing 6,214/10,000 keys, waiting 38s, 1m 20s left"],
])("in %d columns the wait for the budget and the time left are told", (columns, line) => {
  const outlook = { rate: 100, heldMs: 37_400, leftMs: 80_000 };
  expect(renderProgress("app-config", WRITING, outlook, (text) => text.length < columns)).toBe(line);
});

const START = { rate: undefined, heldMs: 0, leftMs: undefined };

test.each([
  [
    "without a total",
    { phase: "comparing", done: 1200, total: undefined },
    { ...START, rate: 1200 },
    "m comparing 1,200 keys, 1,200/s",
  ],
  [
    "at the start",
    { phase: "writing", done: 1, total: 3 },
    START,
    "m writing [########----------------]  33% 1/3 keys",
  ],
  [
    "at the end",
    { phase: "writing", done: 3, total: 3 },
    { ...START, rate: 3 },
    "m writing [########################] 100% 3/3 keys, 3/s",
  ],
  ["with nothing to do", { phase: "writing", done: 0, total: 0 }, { ...START, rate: 0 }, "m writing 0/0 keys"],
  [
    "without a total, while the budget is used up",
    { phase: "comparing", done: 1200, total: undefined },
    { ...START, rate: 1200, heldMs: 39_001 },
    "m comparing 1,200 keys, waiting 40s for the request budget",
  ],
])("%s", (_, state, outlook, line) => expect(renderProgress("m", state, outlook)).toBe(line));

test("requests are told where whoever reports knows them", () => {
  expect(renderProgress("m", { ...WRITING, requests: 1100 }, { rate: undefined, heldMs: 0, leftMs: undefined })).toBe(
    "m writing [##############----------]  62% 6,214/10,000 keys, 2 MiB, 1,100 requests",
  );
});

function openTerminal() {
  const written: string[] = [];
  const stream: OutputStream = {
    isTTY: true,
    columns: 40,
    write: (chunk, callback) => {
      written.push(String(chunk));
      callback?.();
      return true;
    },
    on: () => undefined,
  };
  const clock = new FakeClock();
  const output = openOutput({
    stdout: stream,
    stderr: stream,
    env: {},
    json: false,
    quiet: false,
    verbose: false,
    progress: true,
    onClosed: () => undefined,
  });
  return { clock, written, progress: openProgress({ clock, output, traffics: () => [] }, "app-config") };
}

test("nothing is shown for what takes less than a second", async () => {
  const { clock, written, progress } = openTerminal();
  progress.update({ phase: "writing", done: 1, total: 2 });
  await clock.advance(900);
  progress.close();
  await clock.advance(5000);
  expect(written).toEqual([]);
});

test("then a line is, on one line however narrow the terminal, and goes away again", async () => {
  const { clock, written, progress } = openTerminal();
  progress.update({ phase: "writing", done: 1, total: 2 });
  await clock.advance(1000);
  // The library that draws is loaded now.
  await expect.poll(async () => (await clock.advance(100), written.join(""))).toContain("app-config writing 1/2 keys");
  const lines = stripVTControlCharacters(written.join("")).split("\n");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(40);
  written.length = 0;
  progress.close();
  await clock.advance(100);
  expect(written.join("")).toContain("\u001b[2K");
  expect(clock.sleeping).toBe(0);
});
