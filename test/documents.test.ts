// The README's tables against the code: no name is missing, and none is there that the code does not know.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { EXIT, exitCodeOf } from "../src/cli/exit-code.ts";
import { AppError, type ErrorCode } from "../src/core/errors.ts";
import { openMetrics } from "../src/monitor/metrics.ts";
import { FakeClock } from "./support/fake-clock.ts";

const root = resolve(import.meta.dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

/** The rows of the table below a heading, as their cells. */
function tableUnder(heading: string): readonly (readonly string[])[] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  return [...section.matchAll(/^\| `(.+)\|$/gm)].map(([line]) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

/** The members of a union of strings, as its source lists them. */
function unionIn(path: string, name: string): readonly string[] {
  const source = readFileSync(join(root, path), "utf8");
  const start = source.indexOf(`export type ${name} =`);
  return [...source.slice(start, source.indexOf(";", start)).matchAll(/^\s*\| "([^"]+)"/gm)].map(
    ([, member]) => member!,
  );
}

const sorted = (names: Iterable<string>): readonly string[] => [...names].toSorted();

describe("the README has a row for", () => {
  it("each error, with the exit code that it has", () => {
    const rows = tableUnder("Errors");
    expect(sorted(rows.map(([code]) => code!))).toEqual(sorted(unionIn("src/core/errors.ts", "ErrorCode")));
    for (const [code, exit] of rows)
      expect([code, exitCodeOf(new AppError(code as ErrorCode, ""))]).toEqual([code, Number(exit)]);
  });

  it("each problem", () => {
    const codes = tableUnder("Problems it reports").map(([code]) => code!);
    expect(sorted(codes)).toEqual(sorted(unionIn("src/core/problem.ts", "ProblemCode")));
  });

  it("each exit code", () => {
    const told = [...readme.matchAll(/^\| (\d+(?:, \d+)*) +\|/gm)].flatMap(([, codes]) => codes!.split(", "));
    expect(sorted(told)).toEqual(sorted(Object.values(EXIT).map(String)));
  });

  it("each metric", async () => {
    const metrics = await openMetrics({
      clock: new FakeClock(),
      version: "1.0.0",
      read: () => ({ accounts: [], mappings: [], backups: [] }),
    });
    const { text } = await metrics.render("text");
    const names = [...text.matchAll(/^# TYPE (kvsync_\S+)/gm)].map(([, name]) => name!);
    expect(sorted(tableUnder("Metrics").map(([name]) => name!))).toEqual(sorted(names));
  });
});
