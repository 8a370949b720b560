// Where a plan is written to, and where it is read from.

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCli } from "../support/cli.ts";
import { dir, kvsync, configure, write, keys, plan, inStep } from "../support/planned-folder.ts";

describe("a plan", () => {
  it("is not written where planning fails, and the one before is kept", async () => {
    await inStep("push");
    write({ k1: "edited" });
    await plan();
    const before = readFileSync(join(dir, "plan.json"), "utf8");
    rmSync(join(dir, "kv"), { recursive: true });
    expect((await kvsync("plan", "--out", "plan.json")).code).toBe(1);
    expect(readFileSync(join(dir, "plan.json"), "utf8")).toBe(before);
    expect(readdirSync(dir).filter((name) => name.includes("tmp"))).toEqual([]);
  });
});

describe("a plan that comes through a pipe", () => {
  it("is applied like one in a file", async () => {
    configure({ app: "push" });
    write({ a: "1" });
    await plan();
    const text = readFileSync(join(dir, "plan.json"));
    expect(await runCli(["apply", "-"], { cwd: dir, input: text })).toMatchObject({ code: 0 });
    expect(await keys()).toEqual({ a: "1" });
    expect(await runCli(["apply", "-"], { cwd: dir, input: text })).toMatchObject({ code: 12 });
  });

  it.each([
    ["-", "hello\n", "stdin is no plan"],
    ["/dev/stdin", "hello\n", "/dev/stdin is no plan"],
    ["/dev/null", "", "/dev/null is no plan"],
    ["-", '{"kvsync":"plan","format":1', "stdin is no plan"],
  ])("%s is called by its own name where it holds %j", async (file, input, message) => {
    configure({ app: "push" });
    const run = await runCli(["apply", file], { cwd: dir, input });
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining(`kvsync: ${message}\n`) });
  });
});

describe("--out", () => {
  it("overwrites no file but a plan, and never stdout", async () => {
    configure({ app: "push" });
    write({ a: "1" });
    expect(await kvsync("plan", "--out", "kvsync.yaml")).toMatchObject({ code: 2 });
    expect(await kvsync("plan", "--out", "-")).toMatchObject({ code: 2 });
    expect(await kvsync("plan", "--out", "kv/app/plan.json")).toMatchObject({
      code: 4,
      stdout: expect.not.stringMatching(/tmp/),
    });
  });
});
