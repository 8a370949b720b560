// `kvsync apply` of a plan that the world has moved away from: nothing is done, and each key that is not as it was is named.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { records } from "../support/cli.ts";
import {
  kvsync,
  done,
  configure,
  write,
  remove,
  files,
  keys,
  put,
  numbered,
  plan,
  apply,
  dir,
  refused,
  inStep,
  type Texts,
} from "../support/planned-folder.ts";

describe("a plan is refused as a whole where", () => {
  it("keys moved on either side, each of which is named", async () => {
    await inStep("push");
    const edited = Object.fromEntries(Object.keys(numbered(9)).map((key) => [key, `edited ${key}`]));
    write({ ...edited, new: "1", new2: "2", other: "3" });
    remove("k10", "k11", "k12");
    await plan();
    write({ k0: "edited again", k10: "value 10", "k1%meta": '{"metadata":{"a":1}}', k8: "edited too" });
    remove("new");
    await put("k2", "theirs");
    await put("k3", "theirs", "--no-stamp");
    await put("k4", "value 4", "--metadata", '{"a":1}');
    await put("k5", "value 5", "--ttl", "1h");
    await done("key", "delete", "k6", "-n", "app");
    await put("new2", "theirs");
    await put("k11", "theirs");
    // These two are done already.
    await put("k7", "edited k7");
    await done("key", "delete", "k12", "-n", "app");
    await refused({
      k0: "was changed at the source",
      k1: "was changed at the source",
      k10: "has come back at the source",
      k11: "was changed at the destination",
      k2: "was changed at the destination",
      k3: "was changed at the destination",
      k4: "was changed at the destination",
      k5: "was changed at the destination",
      k6: "is gone at the destination",
      k8: "was changed at the source",
      new: "is gone at the source",
      new2: "has appeared at the destination",
    });
  });

  it.each<[string, () => unknown, Texts]>([
    ["one file was changed", () => write({ k1: "edited again" }), { k1: "was changed at the source" }],
    ["one key was changed", () => put("k1", "theirs"), { k1: "was changed at the destination" }],
  ])("%s", async (_, move, problems) => {
    await inStep("push");
    write({ k1: "edited", new: "1", other: "2" });
    remove("k2");
    await plan();
    await move();
    await refused(problems);
  });

  it("a side of a two-way mapping moved, whichever it is", async () => {
    await inStep("two-way");
    write({ k1: "mine" });
    await put("k2", "theirs");
    await plan();
    write({ k2: "mine meanwhile" });
    await put("k1", "theirs meanwhile");
    await refused({ k1: "was changed at the destination", k2: "was changed at the source" });
  });

  it("a key of another mapping of it moved", async () => {
    configure({ app: "push", more: "push" });
    write(numbered(3));
    write(numbered(3), "kv/more");
    await done("push");
    write({ k0: "edited" });
    write({ k0: "edited" }, "kv/more");
    await plan();
    write({ k0: "edited again" }, "kv/more");
    const before = await keys();
    for (const args of [[], ["--force"], ["--dry-run"]]) {
      const run = await apply(...args);
      expect(run.code).toBe(12);
      expect(run.stderr).toContain("k0: was changed at the source since the plan was made (outdated)");
    }
    expect(await keys()).toEqual(before);
    write({ k0: "edited" }, "kv/more");
    await done("apply", "plan.json");
    expect([await keys(), await keys("more")]).toEqual([files(), files("more")]);
  });

  it("a key of a later mapping moves while the first is carried out: it stops there, and says so", async () => {
    const modes = { app: "push", more: "push", zed: "push" };
    configure(modes);
    for (const name of Object.keys(modes)) write({ a: "1" }, `kv/${name}`);
    await done("push");
    for (const name of Object.keys(modes)) write({ a: "edited" }, `kv/${name}`);
    await plan();
    configure(modes, ', on_change: { run: [sh, -c, "echo moved > ../more/a"] }');
    const run = await apply();
    expect(run.code).toBe(12);
    expect(run.stderr).toContain("carried out before it: app\n  not begun: zed\n");
    expect([await keys(), await keys("more"), await keys("zed")]).toEqual([{ a: "edited" }, { a: "1" }, { a: "1" }]);
  });

  it("a key is gone within its settle window, until that is over", async () => {
    await inStep("push", ", settle_window: 1m");
    write({ k1: "edited", k2: "edited" });
    remove("k3");
    await plan();
    await done("key", "delete", "k1", "k3", "-n", "app");
    const before = await keys();
    const run = await apply("--json");
    expect(run.code).toBe(12);
    const message =
      "is gone at the destination, or the destination lags behind itself: only the end of the settle window tells";
    expect(records(run.stdout).filter(({ type }) => type === "problem")).toEqual([
      { type: "problem", code: "outdated", subject: "k1", message, failure: true },
    ]);
    expect(await keys()).toEqual(before);
    const { code, stderr } = await apply();
    expect([code, stderr]).toEqual([12, expect.stringMatching(/in a minute .*, type:\n {4}kvsync apply plan\.json\n/)]);
    // The window is over: now the absence of k1 counts.
    configure({ app: "push" });
    await refused({ k1: "is gone at the destination" });
  });

  it("the mapping is about another namespace by now", async () => {
    await inStep("push");
    write({ k1: "edited" });
    await plan();
    configure({ app: "push" }, ", namespace: another");
    expect(await apply()).toMatchObject({ code: 1, stderr: expect.stringContaining('no namespace "another"') });
    await done("namespace", "create", "local:another");
    const run = await apply();
    expect(run.code).toBe(12);
    expect(run.stderr).toContain("the plan was made for another namespace than this one");
  });
});

describe("what is not as it was when the plan was made", () => {
  it("includes the mode of the mapping", async () => {
    configure({ app: "two-way" });
    write({ a: "1", b: "1" });
    await done("sync");
    write({ a: "edited" });
    await plan();
    configure({ app: "pull" });
    const run = await kvsync("apply", "plan.json");
    expect(run).toMatchObject({
      code: 12,
      stderr: expect.stringContaining("was of mode two-way, and is of mode pull"),
    });
    expect(await keys()).toEqual({ a: "1", b: "1" });
  });

  it("includes whether the mapping removes anything", async () => {
    await inStep("push");
    remove("k2");
    await plan();
    writeFileSync(join(dir, "kvsync.yaml"), readFileSync(join(dir, "kvsync.yaml"), "utf8").replace("all", "none"));
    const run = await apply();
    expect(run).toMatchObject({ code: 12, stderr: expect.stringContaining("delete is none") });
    expect(await keys()).toEqual(numbered(20));
  });

  it("keeps a namespace that did not exist then from being created", async () => {
    configure({ app: "push" });
    write({ a: "1" });
    await plan();
    write({ a: "2" });
    expect(await apply()).toMatchObject({ code: 12 });
    expect((await done("namespace", "list")).stdout).toBe("");
    write({ a: "1" });
    await done("apply", "plan.json");
    expect(await keys()).toEqual({ a: "1" });
  });

  it("includes the name of a namespace that did not exist then", async () => {
    configure({ app: "push" });
    write({ a: "1" });
    await plan();
    await done("namespace", "create", "local:other");
    configure({ app: "push" }, ", namespace: other");
    const run = await apply();
    expect(run).toMatchObject({ code: 12, stderr: expect.stringContaining('about the namespace "app"') });
    expect(await keys("other")).toEqual({});
  });
});

describe("a key of a plan that cannot be seen any more", () => {
  async function outdated(message: string): Promise<void> {
    const before = await keys();
    const run = await apply("--json");
    expect(run.code).toBe(12);
    expect(records(run.stdout)).toContainEqual(
      expect.objectContaining({ type: "problem", code: "outdated", subject: "k2", message }),
    );
    expect(await keys()).toEqual(before);
  }

  it("is not taken for removed where the filters hide it", async () => {
    await inStep("push");
    write({ k1: "edited" });
    remove("k2");
    await plan();
    configure({ app: "push" }, ", exclude: [k2]");
    await outdated("is left alone by include and exclude now, so that the plan cannot be held against it");
    configure({ app: "push" });
    await done("apply", "plan.json");
    expect(await keys()).toEqual(files());
  });
});
