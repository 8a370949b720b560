// Plans that are not carried out as they are: edited ones, and those that a guard holds until somebody lets exactly that plan pass.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  dir,
  kvsync,
  done,
  configure,
  write,
  remove,
  files,
  keys,
  numbered,
  plan,
  apply,
  inStep,
} from "../support/planned-folder.ts";

describe("a plan", () => {
  it("that was edited is refused", async () => {
    await inStep("push");
    write({ k1: "edited" });
    await plan();
    const path = join(dir, "plan.json");
    writeFileSync(path, readFileSync(path, "utf8").replace('"key":"k1"', '"key":"k2"'));
    const run = await apply();
    expect(run.code).toBe(2);
    expect(run.stderr).toContain("is not as it was written: its digest differs");
    expect((await keys())["k1"]).toBe("value 1");
  });

  it("that would change what a push reads is refused, though its digest was made anew", async () => {
    await inStep("push");
    remove("k1");
    await plan();
    write({ k1: "value 1" });
    await done("key", "delete", "k1", "-n", "app");
    const path = join(dir, "plan.json");
    const text = readFileSync(path, "utf8").replace('"to":"destination"', '"to":"source"');
    const body = text.slice(0, text.indexOf('],"digest"'));
    const digest = createHash("sha256").update(body).digest("hex");
    writeFileSync(path, `${body}],"digest":"sha256-${digest}"}\n`);
    const run = await apply("--force");
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining("which this round only reads") });
    expect(files()).toEqual(numbered(20));
  });

  it("is held by a guard, and let pass by --force", async () => {
    await inStep("push");
    remove(...Object.keys(numbered(15)));
    await plan();
    const run = await apply();
    expect(run.code).toBe(5);
    expect(run.stderr).toContain("kvsync apply plan.json --force");
    expect(run.stderr).not.toContain("goes on by itself");
    expect(Object.keys(await keys())).toHaveLength(20);
    // The mapping is not held by it.
    const { stderr } = await kvsync("approve", "app");
    expect(stderr).toContain("A plan that kvsync apply holds runs with: kvsync apply FILE --force");
    await done("apply", "plan.json", "--force");
    expect(await keys()).toEqual(files());
  });
});

describe("an approval of a held mapping", () => {
  it("lets exactly that plan run which was shown", async () => {
    await inStep("push");
    remove(...Object.keys(numbered(15)));
    const held = await kvsync("push");
    expect(held.code).toBe(5);
    await done("approve", "app");
    // One more change, of another value, before the next round.
    write({ k17: "slipped in" });
    const run = await kvsync("push");
    expect(run.code).toBe(5);
    expect(await keys()).toEqual(numbered(20));
    // Another value of the same key is another plan too.
    await done("approve", "app");
    write({ k17: "another value" });
    expect(await kvsync("push")).toMatchObject({ code: 5 });
    await done("approve", "app");
    await done("push");
    expect(await keys()).toEqual(files());
  });

  it("is for the namespace that was shown, and for none with the same keys", async () => {
    await inStep("push");
    await done("namespace", "create", "local:other");
    await done("copy", "local:app", "local:other");
    remove(...Object.keys(files()));
    expect(await kvsync("push")).toMatchObject({ code: 5 });
    await done("approve", "app");
    configure({ app: "push" }, ", namespace: other");
    expect(await kvsync("push")).toMatchObject({ code: 5 });
    expect(await keys("other")).toEqual(numbered(20));
  });
});
