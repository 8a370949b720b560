// A file whose name is empty, as of a shell variable that is not set: it is refused before anything else, and never taken for
// the folder that the command runs in.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { records, runCli } from "../support/cli.ts";

let cwd = "";

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-empty-names-"));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

it.each([
  [["bulk", "get", ""], "the name of the file is empty"],
  [["bulk", "put", ""], "the name of the file is empty"],
  [["bulk", "delete", ""], "the name of the file is empty"],
  [["apply", ""], "the name of the file is empty"],
  [["key", "put", "k", "--path", ""], "--path: the name of the file is empty"],
  [["key", "get", "k", "--output="], "--output: the name of the file is empty"],
  [["plan", "-o", ""], "--out: the name of the file is empty"],
  [["trash", "restore", "1", "--to", ""], "--to: the name of the file is empty"],
  [["serve", "--data", ""], "--data: the name of the folder is empty"],
  [["status", "-c", ""], "--config: the name of the file is empty"],
] as const)("%j", async (args, message) => {
  const run = await runCli([...args, "--json"], { cwd });
  expect([run.code, run.stdout]).toEqual([2, ""]);
  expect(records(run.stderr)).toMatchObject([{ type: "error", code: "usage", message }]);
  expect(readdirSync(cwd)).toEqual([]);
});
