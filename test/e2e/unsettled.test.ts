// A command that waits for what can no longer happen says so and ends with 70, and not with Node's 13 and a warning.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { records, runCli } from "../support/cli.ts";

let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-unsettled-"));
});

afterAll(() => rmSync(cwd, { recursive: true }));

/** A stdout that takes everything and never says that it did. */
const SILENT = "process.stdout.write = () => false;";

test.each([
  ["for people", []],
  ["for programs", ["--json"]],
])("a stdout that never answers ends a command with 70 and a message %s", async (_, options) => {
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(SILENT)}` };
  const { code, stderr } = await runCli(["completion", "bash", ...options], { cwd, env });
  expect(code).toBe(70);
  expect(stderr).toContain("the command did not end: it waits for what can no longer happen");
  expect(stderr).not.toContain("top-level await");
  if (options.length > 0) expect(records(stderr).at(-1)).toMatchObject({ type: "error", code: "bug", exitCode: 70 });
});
