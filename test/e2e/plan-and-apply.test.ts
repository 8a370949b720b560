// `kvsync plan --out` and `kvsync apply`: what was shown is what is done, once, and whole; or nothing, and the key is named
// that is not as it was.

import { cpSync, readdirSync, readFileSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { records, runCli } from "../support/cli.ts";
import {
  dir,
  kvsync,
  done,
  configure,
  write,
  remove,
  read,
  files,
  keys,
  put,
  numbered,
  plan,
  apply,
  inStep,
} from "../support/planned-folder.ts";
import { startServe } from "../support/serve-process.ts";

describe("a plan is applied as it was shown", () => {
  it("push", async () => {
    await inStep("push");
    write({ k1: "edited", new: "1" });
    remove("k2");
    await plan();
    expect(readFileSync(join(dir, "plan.json"), "utf8")).not.toContain("edited");
    const { stdout } = await done("apply", "plan.json", "--json");
    expect(records(stdout).at(-1)).toMatchObject({
      command: "apply",
      mapping: "app",
      written: 2,
      removed: 1,
      failed: 0,
    });
    expect(await keys()).toEqual(files());
  });

  it("pull, into a folder that is not there yet", async () => {
    await inStep("push");
    await put("k3", "theirs", "--metadata", '{"by":"them"}');
    configure({ app: "pull" });
    rmSync(join(dir, "kv"), { recursive: true });
    rmSync(join(dir, "state/journal.sqlite"));
    await plan();
    await done("apply", "plan.json");
    expect(files()).toEqual(await keys());
    expect(files()["k3"]).toBe("theirs");
  });

  it("both ways, with a conflict whose loser is kept", async () => {
    await inStep("two-way");
    write({ k1: "mine", k3: "mine too" });
    remove("k2");
    await put("k3", "theirs");
    await put("k4", "theirs");
    await done("key", "delete", "k5", "-n", "app");
    await plan();
    expect(await apply("--json")).toMatchObject({ code: 0 });
    const found = files();
    expect(found).toMatchObject({ k1: "mine", k3: "theirs", k4: "theirs" });
    expect([found["k2"], found["k5"]]).toEqual([undefined, undefined]);
    const copy = Object.keys(found).find((name) => name.includes("%conflict-"));
    expect(found[copy!]).toBe("mine too");
    const { [copy!]: _, ...kept } = found;
    expect(await keys()).toEqual(kept);
    await done("sync", "--dry-run");
    expect(await kvsync("plan")).toMatchObject({ code: 0 });
  });

  it("two locations, with removals", async () => {
    configure({ app: "push" });
    write({ a: "1", b: "2" }, "one");
    write({ a: "old", c: "3" }, "two");
    await plan("./one", "./two", "--delete");
    await done("apply", "plan.json", "--force");
    expect(read("two")).toEqual({ a: "1", b: "2" });
    expect(await apply()).toMatchObject({ code: 12 });
  });

  it("two locations, one a namespace whose values others wrote, without stamps", async () => {
    await inStep("push");
    for (const key of ["k1", "k2", "other"]) await put(key, `foreign ${key}`, "--no-stamp");
    write({ k1: "foreign k1", k2: "mine", new: "1" }, "src");
    await plan("./src", "local:app");
    await put("k1", "again", "--no-stamp");
    await done("apply", "plan.json");
    // The source held what the destination did when the plan was made: k1 is not in it.
    expect(await keys()).toMatchObject({ k1: "again", k2: "mine", new: "1", other: "foreign other" });
  });

  it("several mappings from one file, a namespace that is not there yet among them", async () => {
    configure({ app: "push", more: "two-way", same: "push" });
    write(numbered(3));
    write(numbered(3), "kv/same");
    await done("push", "same");
    write(numbered(4, "m"), "kv/more");
    const { stderr } = await plan();
    expect(stderr).toContain("the plan is in plan.json");
    expect((await kvsync("namespace", "list")).stdout).not.toContain("more");
    const { stdout } = await done("apply", "plan.json", "--json");
    const summaries = records(stdout).filter(({ type }) => type === "summary");
    expect(summaries.map(({ mapping, written }) => [mapping, written])).toEqual([
      ["app", 3],
      ["more", 4],
      ["same", 0],
    ]);
    expect([await keys(), await keys("more")]).toEqual([files(), files("more")]);
  });

  it("in another checkout of the same files, with a state folder of its own", async () => {
    const server = await startServe(dir, "valid");
    try {
      const remote = `accounts: { local: { endpoint: "${server.url}", account_id: dev, api_token: valid } }`;
      configure({ app: "push" }, "", remote);
      write(numbered(20));
      await done("push");
      write({ k1: "edited", new: "1" });
      remove("k2");
      await plan();
      const other = join(dir, "other");
      cpSync(join(dir, "kv"), join(other, "kv"), { recursive: true });
      for (const name of readdirSync(join(other, "kv/app"))) utimesSync(join(other, "kv/app", name), 1e9, 1e9);
      configure({ app: "push" }, "", remote, other);
      const there = await runCli(["apply", join(dir, "plan.json")], { cwd: other });
      expect(there).toMatchObject({ code: 0 });
      expect(await keys()).toEqual(files());
      // Where it was made nobody knows that it was applied; there is nothing left to do.
      const { stdout } = await done("apply", "plan.json", "--json");
      expect(records(stdout).at(-1)).toMatchObject({ written: 0, removed: 0 });
    } finally {
      await server.stop();
    }
  });

  it("keeps what somebody put back after it was carried out, where nobody knows of that", async () => {
    const server = await startServe(dir, "valid");
    try {
      const remote = `accounts: { local: { endpoint: "${server.url}", account_id: dev, api_token: valid } }`;
      configure({ app: "push" }, "", remote);
      write(numbered(3));
      await done("push");
      write({ k1: "edited" });
      await plan();
      await done("apply", "plan.json");
      await put("k1", "value 1");
      const other = join(dir, "other");
      cpSync(join(dir, "kv"), join(other, "kv"), { recursive: true });
      configure({ app: "push" }, "", remote, other);
      expect(await runCli(["apply", join(dir, "plan.json")], { cwd: other })).toMatchObject({ code: 0 });
      expect(await keys()).toMatchObject({ k1: "edited" });
      const { stdout } = await runCli(["trash", "list"], { cwd: other });
      expect(stdout).toContain("k1 (7 B), replaced");
    } finally {
      await server.stop();
    }
  });

  it("values that others wrote without a stamp are replaced and removed as planned", async () => {
    await inStep("push");
    await put("k1", "theirs", "--no-stamp");
    await put("foreign", "theirs", "--no-stamp");
    await plan();
    await done("apply", "plan.json");
    expect(await keys()).toEqual(files());
    const { stdout } = await kvsync("trash", "list", "app");
    for (const key of ["k1", "foreign"]) expect(stdout).toContain(key);
  });
});

describe("a plan", () => {
  it("leaves alone what changed later and is not in it", async () => {
    await inStep("push");
    write({ k1: "edited" });
    remove("k2");
    await plan();
    write({ k3: "later", later: "1" });
    remove("k4");
    await put("k5", "theirs");
    await put("theirs", "1");
    const { stdout } = await done("apply", "plan.json", "--json");
    expect(records(stdout).at(-1)).toMatchObject({ written: 1, removed: 1 });
    expect(await keys()).toEqual(
      Object.fromEntries(
        Object.entries({ ...numbered(20), k1: "edited", k5: "theirs", theirs: "1" })
          .filter(([key]) => key !== "k2")
          .toSorted(),
      ),
    );
    expect(files()).toMatchObject({ k3: "later", later: "1", k5: "value 5" });
    // The next round sees to it.
    await done("push");
    expect(await keys()).toEqual(files());
  });

  it("is applied once, also beside a file that cannot be carried over", async () => {
    await inStep("push");
    write({ k1: "edited", "bad%zz": "no key" });
    await kvsync("plan", "--out", "plan.json");
    await apply();
    expect((await keys())["k1"]).toBe("edited");
    // As it was before the plan: a plan that had not been applied would fit again.
    await put("k1", "value 1");
    const run = await apply();
    expect(run.code).toBe(12);
    expect(run.stderr).toMatch(/the plan was applied already, on \d{4}-/);
    expect((await keys())["k1"]).toBe("value 1");
  });

  it("of several mappings goes on with those that are not done", async () => {
    configure({ app: "push", more: "push" }, ", max_delete: 1");
    write(numbered(20));
    write(numbered(20), "kv/more");
    await done("push");
    write({ k0: "edited" });
    for (const key of ["k1", "k2", "k3"]) rmSync(join(dir, "kv/more", key));
    await plan();
    expect(await apply()).toMatchObject({ code: 5 });
    expect(await keys()).toEqual(files());
    expect((await keys("more"))["k1"]).toBe("value 1");
    const again = await done("apply", "plan.json", "--force");
    expect(again.stderr).toContain("left out: app, which was applied already, on 2");
    expect(await keys("more")).toEqual(files("more"));
    expect(await apply("--force")).toMatchObject({ code: 12 });
  });

  it("that was applied before any look at everything shows in the status", async () => {
    configure({ app: "push" });
    write(numbered(3));
    await plan();
    expect((await kvsync("status")).stdout).toContain("not running, not looked at yet");
    await done("apply", "plan.json");
    const status = /not running, looked at for a plan only, .*: 3 written, 0 removed/;
    expect((await kvsync("status")).stdout).toMatch(status);
    await done("push");
    expect((await kvsync("status")).stdout).toContain("not running, looked at");
    expect((await kvsync("status")).stdout).not.toMatch(status);
  });

  it("is only looked at with --dry-run", async () => {
    await inStep("push");
    write({ k1: "edited" });
    await plan();
    const { stdout } = await done("apply", "plan.json", "--dry-run", "--json");
    expect(records(stdout).at(-1)).toMatchObject({ written: 1, dryRun: true });
    expect((await keys())["k1"]).toBe("value 1");
    write({ k1: "edited again" });
    expect(await apply("--dry-run")).toMatchObject({ code: 12 });
    write({ k1: "edited" });
    await done("apply", "plan.json");
    expect(await keys()).toEqual(files());
  });

  it("of nothing does nothing", async () => {
    await inStep("push");
    await done("plan", "--out", "plan.json");
    const { stdout } = await done("apply", "plan.json", "--json");
    expect(records(stdout).at(-1)).toMatchObject({ written: 0, removed: 0, unchanged: 20 });
    expect(await keys()).toEqual(files());
  });
});

describe("a conflict that waits for a person", () => {
  it("still waits after the plan was applied, and says how it ends", async () => {
    configure({ app: "two-way" }, ", conflict: hold");
    write({ a: "1", b: "1" });
    await done("sync");
    write({ a: "ours", b: "edited" });
    await put("a", "theirs");
    await plan();
    const run = await kvsync("apply", "plan.json");
    expect(run).toMatchObject({ code: 6, stderr: expect.stringContaining("kvsync conflicts list app\n") });
    expect(await keys()).toEqual({ a: "theirs", b: "edited" });
  });
});
