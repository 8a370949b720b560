// What -q leaves: what was asked for, and what has to be known.

import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";

const FILES = 60;

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-quiet-"));
  mkdirSync(join(cwd, "app"));
  writeFileSync(
    join(cwd, "kvsync.yaml"),
    `accounts: { local: { endpoint: embedded } }
mappings:
  app: { folder: ./app, account: local, namespace: app, create: true, mode: two-way, conflict: hold }
`,
  );
  for (let i = 0; i < FILES; i++) writeFileSync(join(cwd, "app", `page-${i}`), `page ${i}`);
});

afterEach(() => rmSync(cwd, { recursive: true }));

const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd });
const SILENCE = { code: 0, stdout: "", stderr: "" };

test.each(["push", "sync"])("%s says nothing of what went well", async (command) => {
  expect(await kvsync(command, "app", "-q")).toMatchObject(SILENCE);
  expect(await kvsync("diff", "app", "-q")).toMatchObject(SILENCE);
  writeFileSync(join(cwd, "app", "page-1"), "changed");
  rmSync(join(cwd, "app", "page-2"));
  expect(await kvsync(command, "app", "-q")).toMatchObject(SILENCE);
});

test("pull says nothing of what went well", async () => {
  await kvsync("push", "app", "-q");
  writeFileSync(join(cwd, "app", "page-1"), "changed");
  expect(await kvsync("pull", "app", "-q")).toMatchObject(SILENCE);
});

test("with --json the summary stays, as all records do", async () => {
  const run = await kvsync("push", "app", "-q", "--json");
  expect(run.stderr).toBe("");
  expect(records(run.stdout)).toHaveLength(FILES + 1);
  expect(records(run.stdout).at(-1)).toMatchObject({ type: "summary", written: FILES });
});

test("what a comparison was asked for is shown", async () => {
  await kvsync("push", "app", "-q");
  writeFileSync(join(cwd, "app", "page-1"), "changed");
  expect((await kvsync("diff", "app", "-q")).stdout.trim()).toMatch(/^-> ~ page-1$/);
  expect((await kvsync("push", "app", "-q", "--dry-run")).stdout.trim()).toMatch(/~ page-1$/);
});

test("a key that failed is told", async () => {
  writeFileSync(join(cwd, "app", "large"), "");
  truncateSync(join(cwd, "app", "large"), 25 * 1024 * 1024 + 1);
  const run = await kvsync("push", "app", "-q");
  expect(run).toMatchObject({ code: 3, stdout: "" });
  expect(run.stderr).toMatch(/^ {2}! large: [^\n]+\n$/);
});

test("a plan that is held is told", async () => {
  await kvsync("push", "app", "-q");
  for (let i = 10; i < FILES; i++) rmSync(join(cwd, "app", `page-${i}`));
  const run = await kvsync("push", "app", "-q");
  expect(run).toMatchObject({ code: 5, stdout: "" });
  expect(run.stderr).toContain("held");
});

test("a conflict is told", async () => {
  await kvsync("sync", "app", "-q");
  writeFileSync(join(cwd, "app", "page-1"), "here");
  await kvsync("key", "put", "page-1", "there", "-n", "app", "-q");
  const run = await kvsync("sync", "app", "-q");
  expect(run.stdout).toMatch(/^ +! page-1 \(both sides changed it; it waits for you\)\n$/);
});

test("commands on keys and namespaces say nothing but what they were asked for", async () => {
  writeFileSync(join(cwd, "pairs"), '{"key":"a","value":"1"}\n{"key":"b","value":"2"}\n');
  expect(await kvsync("namespace", "create", "local:other", "-q")).toMatchObject(SILENCE);
  expect(await kvsync("bulk", "put", "pairs", "-n", "local:other", "-q")).toMatchObject(SILENCE);
  expect(await kvsync("key", "put", "c", "3", "-n", "local:other", "-q")).toMatchObject(SILENCE);
  expect(await kvsync("key", "get", "c", "-n", "local:other", "-q")).toMatchObject({ ...SILENCE, stdout: "3" });
  expect(await kvsync("key", "list", "-n", "local:other", "-q")).toMatchObject({ ...SILENCE, stdout: "a\nb\nc\n" });
  expect(await kvsync("key", "delete", "c", "-n", "local:other", "-q")).toMatchObject(SILENCE);
  expect(await kvsync("bulk", "delete", "a", "b", "-n", "local:other", "-q")).toMatchObject(SILENCE);
  expect(await kvsync("namespace", "delete", "local:other", "--yes", "-q")).toMatchObject(SILENCE);
});
