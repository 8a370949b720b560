// Problems as they are shown: some of each kind, a number for the rest.

import { expect, it } from "vitest";
import { openShownProblems } from "../../../../src/cli/render/shown-problems.ts";
import type { Output } from "../../../../src/cli/render/output.ts";
import { notice, problem } from "../../../../src/core/problem.ts";

function show(verbose: boolean): { readonly shown: ReturnType<typeof openShownProblems>; readonly lines: string[] } {
  const lines: string[] = [];
  const put = (line: string): number => lines.push(line);
  const output = {
    json: false,
    stderr: { red: (text: string) => text },
    warn: put,
    note: put,
    detail: () => undefined,
  };
  return { shown: openShownProblems({ output: output as unknown as Output, options: { verbose } as never }), lines };
}

it("shows ten that are alike, and counts the others by what they say", () => {
  const { shown, lines } = show(false);
  for (let i = 0; i < 25; i++) shown.tell(problem("write-failed", `k${i}`, "could not be written: permission denied"));
  shown.tell(problem("unreadable", "other", "cannot be opened"));
  shown.finish();
  expect(lines).toHaveLength(12);
  expect(lines.at(-2)).toContain("other: cannot be opened");
  expect(lines.at(-1)).toBe("  ... and 15 more: could not be written: permission denied (write-failed) (-v shows all)");
});

it("shows fifty in all, and counts the others of many kinds", () => {
  const { shown, lines } = show(false);
  for (let i = 0; i < 80; i++) shown.tell(problem("rejected", `k${i}`, `refused with ${i}`));
  shown.finish();
  expect(lines.filter((line) => line.startsWith("  ! "))).toHaveLength(50);
  expect(lines.at(-1)).toBe("  ... and 30 more problems (-v shows all)");
});

it("shows every one with -v", () => {
  const { shown, lines } = show(true);
  for (let i = 0; i < 80; i++) shown.tell(problem("write-failed", `k${i}`, "could not be written"));
  shown.finish();
  expect(lines).toHaveLength(80);
});

it("counts by kind what is skipped, and is no failure", () => {
  const { shown, lines } = show(false);
  shown.tell(notice("not-a-file", "link", "is a symbolic link"));
  shown.tell(notice("expired", "k1", "does expire"));
  shown.tell(notice("expired", "k2", "does expire"));
  shown.tell(notice("name-reserved", "a%meta", "is a sidecar"));
  shown.finish();
  expect(lines).toEqual([
    "  skipped: 1 no files (links, sockets, devices), 2 about to expire, 1 with names of kvsync's own (-v names them)",
  ]);
});
