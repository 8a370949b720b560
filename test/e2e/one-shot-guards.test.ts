// The accidents that a round must not turn into a loss, through the commands that people type: `push`, `pull` and `sync`
// of one mapping guard it alike, remember alike what it was, and tell its history.

import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";

let dir = "";
let folder = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-guards-"));
  folder = join(dir, "kv");
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });

function configure(mode: string, more = ""): void {
  writeFileSync(
    join(dir, "kvsync.yaml"),
    `state_dir: ./state\naccounts: { local: { endpoint: embedded } }\nmappings:\n` +
      `  app: { account: local, folder: ./kv, mode: ${mode}, create: true, delete: all${more} }\n`,
  );
}

function write(files: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

const numbered = (count: number, prefix = "k"): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, `value ${i}`]));

async function keys(): Promise<string[]> {
  const { stdout } = await kvsync("key", "list", "-n", "app");
  return stdout.split("\n").filter((line) => line !== "");
}

/** The namespace and the folder hold `files`, and both are remembered. */
async function inStep(mode: "push" | "two-way", files: Readonly<Record<string, string>>): Promise<void> {
  configure(mode);
  write(files);
  expect(await kvsync("sync")).toMatchObject({ code: 0 });
  expect(await keys()).toHaveLength(Object.keys(files).length);
}

const WAYS = [
  ["push", "push"],
  ["push", "sync"],
  ["two-way", "sync"],
] as const;

describe.each(WAYS)("a mapping of mode %s that %s carries", (mode, command) => {
  const round = (...args: readonly string[]): Promise<CliRun> => kvsync(command, "app", ...args);

  it("is held when its folder was replaced by another one", async () => {
    await inStep(mode, numbered(30));
    renameSync(folder, join(dir, "aside"));
    write({ ...numbered(5), ...numbered(10, "new") });
    const held = await round();
    expect(held).toMatchObject({ code: 5 });
    expect(held.stderr).toContain("kvsync approve app");
    expect(await keys()).toHaveLength(30);
    rmSync(folder, { recursive: true });
    renameSync(join(dir, "aside"), folder);
    expect(await round()).toMatchObject({ code: 0 });
    expect(await keys()).toHaveLength(30);
  });

  it("removes nothing while its folder is filled again, file by file", async () => {
    const files = Object.entries(numbered(24));
    await inStep(mode, numbered(24));
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    for (const [index, [name, text]] of files.entries()) {
      write({ [name]: text });
      if (![0, 11, 17, 20, 22].includes(index)) continue;
      expect(await round(), `with ${index + 1} files`).toMatchObject({ code: 5 });
    }
    expect(await round()).toMatchObject({ code: 0 });
    expect(await keys()).toHaveLength(24);
    const { stdout } = await kvsync("history", "app", "--json");
    expect(records(stdout).filter(({ event }) => event === "removed")).toEqual([]);
  });

  it("overwrites nothing while the contents of its files come back, file by file", async () => {
    const files = Object.entries(numbered(12));
    await inStep(mode, numbered(12));
    write(Object.fromEntries(files.map(([name]) => [name, "ruined"])));
    expect(await round()).toMatchObject({ code: 5 });
    write(Object.fromEntries(files.slice(0, 7)));
    expect(await round()).toMatchObject({ code: 5 });
    write(numbered(12));
    expect(await round()).toMatchObject({ code: 0 });
    const { stdout } = await kvsync("history", "app", "--json");
    expect(records(stdout).filter(({ event }) => event === "changed")).toEqual([]);
  });

  it("stays held while a part of it cannot be looked at", async () => {
    await inStep(mode, numbered(12));
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    expect(await round()).toMatchObject({ code: 5 });
    const { k3: _, ...others } = numbered(12);
    write(others);
    symlinkSync(dir, join(folder, "k3"));
    const held = await round();
    expect(held).toMatchObject({ code: 5, stderr: expect.stringContaining("not all keys could be looked at since") });
    rmSync(join(folder, "k3"));
    expect(await round()).toMatchObject({ code: 5 });
    expect(await keys()).toHaveLength(12);
  });

  it("goes on when another folder with most of its keys is in its place", async () => {
    await inStep(mode, numbered(24));
    renameSync(folder, join(dir, "aside"));
    const { k3: _, ...most } = numbered(24);
    write({ ...most, k4: "edited", more: "new" });
    expect(await round()).toMatchObject({ code: 0 });
    expect(await keys()).toEqual(expect.not.arrayContaining(["k3"]));
    expect(await keys()).toHaveLength(24);
  });

  it("is held when a file of another disk is all that its folder has, however few keys there were", async () => {
    await inStep(mode, numbered(8));
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    write({ "lost+found": "" });
    expect(await round()).toMatchObject({ code: 5 });
    expect(await keys()).toHaveLength(8);
    const dryRun = await round("--dry-run");
    expect(dryRun.stdout + dryRun.stderr).toContain("would be held");
  });

  it("is not held when all of its few files were renamed", async () => {
    await inStep(mode, numbered(4));
    for (const name of readdirSync(folder)) renameSync(join(folder, name), join(folder, `${name}.txt`));
    expect(await round()).toMatchObject({ code: 0 });
    expect(await keys()).toEqual(["k0.txt", "k1.txt", "k2.txt", "k3.txt"]);
  });

  it("has its namespace not made anew when somebody deleted it", async () => {
    await inStep(mode, numbered(3));
    expect(await kvsync("namespace", "delete", "app", "--yes")).toMatchObject({ code: 0 });
    const refused = await round();
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain('the namespace "app" is gone');
    expect((await kvsync("namespace", "list")).stdout).not.toContain("app");
  });

  it("has a history", async () => {
    await inStep(mode, numbered(2));
    write({ k0: "edited" });
    expect(await round()).toMatchObject({ code: 0 });
    const { stdout } = await kvsync("history", "app", "--json");
    expect(records(stdout)).toContainEqual(expect.objectContaining({ key: "k0", event: "changed" }));
  });

  it("lets exactly the plan run that was approved", async () => {
    await inStep(mode, numbered(20));
    for (const name of readdirSync(folder).slice(0, 15)) rmSync(join(folder, name));
    expect(await round()).toMatchObject({ code: 5 });
    expect(await kvsync("approve", "app")).toMatchObject({ code: 0 });
    expect(await round()).toMatchObject({ code: 0 });
    expect(await keys()).toHaveLength(5);
  });
});

describe.each(["pull", "sync"])("a mapping of mode pull that %s carries", (command) => {
  it("does not fill the place where its folder was", async () => {
    await inStep("push", numbered(5));
    configure("pull");
    rmSync(folder, { recursive: true });
    expect(await kvsync(command, "app")).toMatchObject({ code: 1 });
    expect(readdirSync(dir)).not.toContain("kv");
  });

  it("is held when another folder is in its place", async () => {
    await inStep("push", numbered(5));
    configure("pull");
    expect(await kvsync(command, "app")).toMatchObject({ code: 0 });
    const aside = join(dir, "aside");
    renameSync(folder, aside);
    write(numbered(12, "mine"));
    expect(await kvsync(command, "app")).toMatchObject({ code: 5 });
    expect(readFileSync(join(folder, "mine3"), "utf8")).toBe("value 3");
    rmSync(folder, { recursive: true });
    cpSync(aside, folder, { recursive: true });
    expect(await kvsync(command, "app")).toMatchObject({ code: 0 });
  });
});
