// Where a snapshot is restored to, which one, and how much of it: all of its keys, of the one that was meant, and never into a repository.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CliRun, runCli } from "../support/cli.ts";

let dir = "";
const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-restore-places-"));
  writeFileSync(join(dir, "kvsync.yaml"), "state_dir: ./state\naccounts: { local: { endpoint: embedded } }\n");
  mkdirSync(join(dir, "site"));
  for (const name of [".env", "index.html"]) writeFileSync(join(dir, "site", name), "first");
  const made = await kvsync("backup", "./site", "./repo", "--no-encryption", "--no-exclude-defaults");
  expect(made).toMatchObject({ code: 0 });
});

afterAll(() => rmSync(dir, { recursive: true }));

it("a folder gets every key of the snapshot, .env too", async () => {
  expect(await kvsync("restore", "./repo@latest", "./all")).toMatchObject({ code: 0 });
  expect(readdirSync(join(dir, "all")).toSorted()).toEqual([".env", "index.html"]);
});

it("a folder that is a repository, or lies in one, is no destination", async () => {
  for (const args of [
    ["restore", "./repo@latest", "./repo"],
    ["restore", "./repo@latest", "./repo/packs", "--delete", "--force"],
    ["copy", "./site", "./repo", "--delete", "--force"],
  ]) {
    const run = await kvsync(...args);
    expect([args, run.code, run.stderr]).toEqual([args, 2, expect.stringContaining("repository of backups")]);
  }
  expect(await kvsync("check", "./repo", "--read-data")).toMatchObject({ code: 0 });
});

it("a damaged snapshot that may be the latest is told, and no older one is taken for it", async () => {
  const older = readdirSync(join(dir, "repo", "snapshots"));
  writeFileSync(join(dir, "site", "index.html"), "second");
  await kvsync("backup", "./site", "./repo", "--no-exclude-defaults");
  const newest = readdirSync(join(dir, "repo", "snapshots")).find((name) => !older.includes(name))!;
  const path = join(dir, "repo", "snapshots", newest);
  const bytes = readFileSync(path);
  bytes[20]! ^= 1;
  writeFileSync(path, bytes);
  const run = await kvsync("restore", "./repo@latest", "./older");
  expect([run.code, run.stderr]).toEqual([1, expect.stringContaining("which snapshot is latest cannot be told")]);
  expect(existsSync(join(dir, "older", "index.html"))).toBe(false);
  expect(await kvsync("restore", `./repo@${older[0]}`, "./older")).toMatchObject({ code: 0 });
});
