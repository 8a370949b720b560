// `kvsync diff --content`: the values themselves, of mappings and of two locations.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";

let dir = "";

beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "kvsync-content-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });

function write(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  mkdirSync(join(dir, folder), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, folder, name), text);
}

function configure(mode: string): void {
  writeFileSync(
    join(dir, "kvsync.yaml"),
    `state_dir: ./state\naccounts: { local: { endpoint: embedded } }\nmappings:\n` +
      `  app: { account: local, folder: ./kv, mode: ${mode}, create: true, delete: all }\n`,
  );
}

it("shows how the values of two locations differ, and names the copy to type", async () => {
  write("a", { changed: "1\n2\n3\n", image: Uint8Array.of(0, 255), same: "=", "new\nname": "n\n" });
  write("b", { changed: "1\nzwei\n3\n", image: Uint8Array.of(0, 254), same: "=", old: "o\n" });
  const run = await kvsync("diff", "./a", "./b", "--content");
  expect(run.code).toBe(4);
  expect(run.stdout).toContain("--- old (./b)\n+++ (nothing in ./a)\n@@ -1 +0,0 @@\n-o\n");
  expect(run.stdout).toContain("--- changed (./b)\n+++ changed (./a)\n@@ -1,3 +1,3 @@\n 1\n-zwei\n+2\n 3\n");
  expect(run.stdout).toMatch(
    /--- image \(\.\/b\)\n\+\+\+ image \(\.\/a\)\n-2 B, SHA-256 \w{64}\n\+2 B, SHA-256 \w{64}\n/,
  );
  expect(run.stdout).toContain("+++ new\\x0aname (./a)\n");
  expect(run.stdout).not.toContain("same");
  expect(run.stderr).toContain("type:\n    kvsync copy ./a ./b --delete\n");
  const limited = await kvsync("diff", "./a", "./b", "--content", "--limit", "1");
  expect(limited.stdout.match(/^\+\+\+ /gm)).toHaveLength(1);
  expect(limited.stdout).toContain("... and 3 more keys, whose values are not shown (--limit 4 shows them)");
  const json = records((await kvsync("diff", "./a", "./b", "--content", "--json")).stdout);
  expect(json).toContainEqual({
    type: "content",
    key: "changed",
    to: "destination",
    diff: "--- changed (./b)\n+++ changed (./a)\n@@ -1,3 +1,3 @@\n 1\n-zwei\n+2\n 3",
  });
  // Without removals no --delete is named.
  rmSync(join(dir, "b", "old"));
  expect((await kvsync("diff", "./a", "./b")).stderr).toMatch(/type:\n {4}kvsync copy \.\/a \.\/b\n/);
  expect(await kvsync("diff", "./a", "./b", "--limit", "1")).toMatchObject({ code: 2 });
  expect(await kvsync("diff", "./a", "./b", "--content", "--limit", "0")).toMatchObject({ code: 2 });
});

it("shows which side would get what for a mapping of each mode, and counts the reads", async () => {
  configure("push");
  write("kv", { k: "1\n", other: "x" });
  expect(await kvsync("push")).toMatchObject({ code: 0 });
  write("kv", { k: "mine\n" });
  const folder = join(dir, "kv");
  const push = await kvsync("diff", "--content");
  expect(push.stdout).toContain(`--- k (local:app)\n+++ k (${folder})\n@@ -1 +1 @@\n-1\n+mine\n`);
  expect(push.stderr).toContain("type:\n    kvsync push app\n");
  const reads = async (...more: readonly string[]): Promise<number> => {
    const summary = records((await kvsync("diff", "--json", ...more)).stdout).at(-1)!;
    return (summary["requests"] as { readonly total: number }).total;
  };
  expect((await reads("--content")) - (await reads())).toBe(1);
  configure("pull");
  const pull = await kvsync("diff", "--content");
  expect(pull.stdout).toContain(`--- k (${folder})\n+++ k (local:app)\n@@ -1 +1 @@\n-mine\n+1\n`);
  expect(pull.stderr).toContain("type:\n    kvsync pull app\n");
  configure("two-way");
  expect(await kvsync("key", "put", "other", "theirs", "-n", "app")).toMatchObject({ code: 0 });
  const twoWay = await kvsync("diff", "--content");
  expect(twoWay.stdout).toContain(`--- k (local:app)\n+++ k (${folder})\n@@ -1 +1 @@\n-1\n+mine\n`);
  expect(twoWay.stdout).toContain(`--- other (${folder})\n+++ other (local:app)\n`);
  expect(twoWay.stderr).toContain("type:\n    kvsync sync app\n");
});

it("shows the values of named keys alone, and fails for one that is on neither side", async () => {
  configure("push");
  write("kv", { a: "1\n2\n", image: Uint8Array.of(0, 255), same: "=", other: "o", ".env": "x" });
  expect(await kvsync("push")).toMatchObject({ code: 0 });
  write("kv", { a: "1\nzwei\n", image: Uint8Array.of(0, 254), other: "changed", new: "n\n" });
  const folder = join(dir, "kv");
  const run = await kvsync("diff", "app", "--values", "a", "--values", "image", "--values", "same", "--values", "new");
  expect(run.code).toBe(4);
  expect(run.stdout).toContain(`--- a (local:app)\n+++ a (${folder})\n@@ -1,2 +1,2 @@\n 1\n-2\n+zwei\n`);
  expect(run.stdout).toMatch(/\+\+\+ image \(.*\)\n-2 B, SHA-256 \w{64}\n\+2 B, SHA-256 \w{64}\n/);
  expect(run.stdout).toContain(`--- (nothing in local:app)\n+++ new (${folder})\n@@ -0,0 +1 @@\n+n\n`);
  expect(run.stdout).toContain("\n  = same\n");
  expect(run.stdout).toContain("\napp: 3 different, 1 the same, ");
  expect(run.stdout).not.toContain("other");
  expect(await kvsync("diff", "--values", "same")).toMatchObject({ code: 0 });

  const missing = await kvsync("diff", "--values", "nope", "--values", "a");
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('the key "nope" is on neither side') });
  expect(missing.stdout).toContain("+zwei\n");
  const hidden = await kvsync("diff", "--values", ".env");
  expect(hidden).toMatchObject({ code: 1, stderr: expect.stringContaining('".env" is left alone by include') });

  const json = await kvsync("diff", "local:app", "./kv", "--values", "a", "--values", "same", "--json");
  expect(json.code).toBe(4);
  expect(records(json.stdout)).toEqual([
    {
      type: "content",
      key: "a",
      to: "destination",
      diff: "--- a (./kv)\n+++ a (local:app)\n@@ -1,2 +1,2 @@\n 1\n-zwei\n+2",
    },
    { type: "same", key: "same" },
    expect.objectContaining({ type: "summary", command: "diff", different: 1, same: 1, missing: 0, failed: 0 }),
  ]);
  expect(await kvsync("diff", "--values", "a", "--content")).toMatchObject({ code: 2 });
  expect(await kvsync("diff", "--values", "")).toMatchObject({ code: 2 });
});

it("shows of named keys which side a two-way round would change, and looks in each mapping", async () => {
  writeFileSync(
    join(dir, "kvsync.yaml"),
    `state_dir: ./state\naccounts: { local: { endpoint: embedded } }\nmappings:\n` +
      `  app: { account: local, folder: ./kv, mode: two-way, create: true }\n` +
      `  more: { account: local, folder: ./more, mode: push, create: true }\n`,
  );
  write("kv", { mine: "1\n", theirs: "1\n" });
  write("more", { only: "o" });
  expect(await kvsync("sync")).toMatchObject({ code: 0 });
  write("kv", { mine: "2\n" });
  expect(await kvsync("key", "put", "theirs", "2", "-n", "app")).toMatchObject({ code: 0 });
  const run = await kvsync("diff", "--values", "mine", "--values", "theirs", "--values", "only");
  const folder = join(dir, "kv");
  expect(run).toMatchObject({ code: 4 });
  expect(run.stdout).toContain(`--- mine (local:app)\n+++ mine (${folder})\n@@ -1 +1 @@\n-1\n+2\n`);
  expect(run.stdout).toContain(`--- theirs (${folder})\n+++ theirs (local:app)\n@@ -1 +1 @@\n-1\n+2\n`);
  // What a file would be asked for and is none is no equal value.
  symlinkSync("mine", join(dir, "kv", "link"));
  expect(await kvsync("diff", "app", "--values", "link")).toMatchObject({
    code: 3,
    stdout: expect.stringContaining("+(not read: is a symbolic link"),
  });
});
