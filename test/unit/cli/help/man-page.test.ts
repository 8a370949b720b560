// The man page: all commands, their options and examples, as roff that no reader complains of.

import { spawnSync } from "node:child_process";
import { beforeAll, describe, expect, it } from "vitest";
import { loadAll } from "../../../../src/cli/command-entry.ts";
import { EXAMPLES } from "../../../../src/cli/help/examples.ts";
import { renderManPage } from "../../../../src/cli/help/man-page.ts";
import { buildProgram } from "../../../../src/cli/program.ts";

let page: string;

beforeAll(async () => {
  const program = buildProgram(async () => {}, { out: () => {}, err: () => {} });
  await loadAll(program);
  page = renderManPage(program, "2026-11-29");
});

const has = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;

describe("the man page", () => {
  it("has every command that has an example, and its options", () => {
    const titles = [...page.matchAll(/^\.SS "(.*)"$/gm)].map((match) => match[1]);
    expect(titles).toEqual(expect.arrayContaining(Object.keys(EXAMPLES).filter((path) => path !== "")));
    expect(page).toContain(".B \\-\\-lock\\-timeout <duration>");
  });

  it("has no line that roff would take for an instruction of another kind", () => {
    const known = /^\.(TH|SH|SS|PP|TP|RS 4|RE|nf|fi|B|I|RI)( |$)/;
    expect(page.split("\n").filter((line) => /^[.']/.test(line) && !known.test(line))).toEqual([]);
    expect(page).not.toMatch(/[^\n\u0020-\u007e]/);
  });

  it.skipIf(!has("groff"))("is read by groff without a warning", () => {
    const { stderr, status } = spawnSync("groff", ["-man", "-ww", "-Tutf8"], { input: page, encoding: "utf8" });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  });
});
