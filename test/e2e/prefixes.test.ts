// What a prefix covers, through the commands that people type: `app` is the folder app/, and never appendix.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";

let dir = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-prefixes-"));
  configure("{ folder: ./kv, mode: push, create: true }");
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });

function configure(mapping: string): void {
  const text = `state_dir: ./state\naccounts: { local: { endpoint: embedded } }\nmappings:\n  app: ${mapping}\n`;
  writeFileSync(join(dir, "kvsync.yaml"), text);
}

function write(...paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), `value of ${path}`);
  }
}

/** A namespace "app" with `keys`. */
async function filled(...keys: readonly string[]): Promise<void> {
  const pairs = keys.map((key) => JSON.stringify({ key, value: `value of ${key}` })).join("\n");
  await kvsync("namespace", "create", "local:app");
  const run = await runCli(["bulk", "put", "-", "-n", "local:app"], { cwd: dir, input: pairs });
  expect(run).toMatchObject({ code: 0 });
}

async function keys(): Promise<string[]> {
  const { stdout } = await kvsync("key", "list", "local:app");
  return stdout.split("\n").filter((line) => line !== "");
}

const OTHERS = ["appendix", "apple/x", "application-dev/x"];

describe("a mapping's prefix", () => {
  it("without a slash is the folder, so that a mirror removes nothing beside it", async () => {
    await filled("app/old", ...OTHERS);
    configure("{ folder: ./kv, prefix: app, mode: push, delete: all }");
    write("kv/a", "kv/b");
    const run = await kvsync("push", "--force");
    expect(run).toMatchObject({ code: 0 });
    expect(run.stderr).toContain("-> local:app/app/");
    expect(await keys()).toEqual(["app/a", "app/b", ...OTHERS]);
  });

  it("with a star is every key that begins so, and paths have the rest", async () => {
    await filled("app/x", ...OTHERS, "banana");
    configure("{ folder: ./kv, prefix: app*, mode: pull }");
    expect(await kvsync("pull")).toMatchObject({ code: 0 });
    expect(readFileSync(join(dir, "kv/le/x"), "utf8")).toBe("value of apple/x");
    expect(existsSync(join(dir, "kv/endix"))).toBe(true);
    expect(existsSync(join(dir, "kv/banana"))).toBe(false);
  });

  const widened = ["owned", "all"].flatMap((deletes) =>
    ["push", "pull", "two-way"].map((mode) => [mode, deletes] as const),
  );
  it.each(widened)("that comes to mean the folder removes nothing (%s, delete: %s)", async (mode, deletes) => {
    const with_ = (prefix: string): void =>
      configure(`{ folder: ./kv, prefix: "${prefix}", mode: ${mode}, delete: ${deletes} }`);
    await filled("app-1", "app-2", "app-3");
    mkdirSync(join(dir, "kv"));
    with_("app-*");
    expect(await kvsync("pull", "--against-mode", "app")).toMatchObject({ code: 0 });
    expect(existsSync(join(dir, "kv/3"))).toBe(true);
    // A round that remembers what both sides hold.
    expect(await kvsync("sync")).toMatchObject({ code: 0 });
    with_("app-");
    const isHeld = mode === "pull" && deletes === "all";
    const run = await kvsync("sync", "--json");
    expect(run).toMatchObject({ code: isHeld ? 5 : 0 });
    expect(records(run.stdout).at(-1)).toMatchObject({ type: "summary", removed: 0 });
    expect(existsSync(join(dir, "kv/3"))).toBe(true);
    expect(await keys()).toEqual(expect.arrayContaining(["app-1", "app-2", "app-3"]));
  });
});

describe("a location's prefix", () => {
  it("without a slash is the folder, as source and as destination", async () => {
    await filled("zone", "zz/two");
    write("s/one");
    expect(await kvsync("copy", "./s", "local:app/zz")).toMatchObject({ code: 0 });
    expect(await keys()).toEqual(["zone", "zz/one", "zz/two"]);
    expect(await kvsync("copy", "local:app/zz", "./back")).toMatchObject({ code: 0 });
    expect(readFileSync(join(dir, "back/two"), "utf8")).toBe("value of zz/two");
    expect((await kvsync("key", "list", "local:app/z")).stdout).toBe("");
    expect((await kvsync("key", "list", "local:app/z*")).stdout).toBe("zone\nzz/one\nzz/two\n");
    expect((await kvsync("key", "list", "local:app", "--prefix", "z")).stdout).toBe("zone\nzz/one\nzz/two\n");
  });

  it("with a star is written before every path", async () => {
    await filled("other");
    write("s/one");
    expect(await kvsync("copy", "./s", "local:app/zz*")).toMatchObject({ code: 0 });
    expect(await keys()).toEqual(["other", "zzone"]);
  });
});

describe("a source without keys", () => {
  it("is a failure of copy and check, and says what else there is", async () => {
    await filled("apple/x", "other");
    for (const command of ["copy", "check"]) {
      const run = await kvsync(command, "local:app/app", "./kv");
      if (command === "copy") expect(run).toMatchObject({ code: 1 });
      expect(run.code).toBe(1);
      expect(run.stderr).toContain("the source local:app/app/ is empty");
      expect(run.stderr).toContain(`"apple/x" begins with "app": write 'local:app/app*'`);
      expect(await kvsync(command, "local:app/app", "./kv", "--no-fail-empty")).toMatchObject({ code: 0 });
    }
    const typo = await kvsync("copy", "local:app/nope/", "./kv", "--json");
    expect(typo.code).toBe(1);
    expect(typo.stderr).toContain("kvsync key list local:app shows");
    expect(records(typo.stderr).at(-1)).toMatchObject({ type: "error", code: "source-empty" });
  });

  it("is said of a folder, and of one whose files are all excluded", async () => {
    mkdirSync(join(dir, "none"));
    await filled("a");
    const none = await kvsync("copy", "./none", "local:app");
    expect(none).toMatchObject({ code: 1 });
    expect(none.stderr).toContain("check the path");
    write("hidden/.env");
    const hidden = await kvsync("copy", "./hidden", "local:app");
    expect(hidden).toMatchObject({ code: 1 });
    expect(hidden.stderr).toContain("kvsync doctor");
  });

  it("is only mentioned where a guard holds the round, and by diff", async () => {
    mkdirSync(join(dir, "none"));
    await filled("a");
    const held = await kvsync("copy", "./none", "local:app", "--delete");
    expect(held).toMatchObject({ code: 5 });
    expect(held.stderr).toContain("is empty");
    const diff = await kvsync("diff", "./none", "local:app");
    expect(diff).toMatchObject({ code: 4 });
    expect(diff.stderr).toContain("is empty");
    expect(diff.stderr).not.toContain("--no-fail-empty");
    expect(await keys()).toEqual(["a"]);
  });
});
