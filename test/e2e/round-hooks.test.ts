// Hooks after a single round: push, pull and sync run what the config names, as the daemon does, and wait for it.

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configure, dir, kvsync, write } from "../support/one-mapping.ts";

/** What the hook of `event` got, and was told in its environment. */
const TOLD = `cat >> ../$KVSYNC_EVENT; echo "$KVSYNC_MAPPING $KVSYNC_EVENT $KVSYNC_COUNT" >> ../environment`;

function configureHooks(mode: string, run: string = TOLD, timeout = "20s"): void {
  const program = `{ run: [sh, -c, ${JSON.stringify(run)}], debounce: 1h, timeout: ${timeout} }`;
  configure(mode, `, delete: all, on_change: ${program}, on_hold: ${program}`);
}

const told = (event: string): string => (existsSync(join(dir, event)) ? readFileSync(join(dir, event), "utf8") : "");

describe.each([
  ["push", "push"],
  ["push", "sync"],
  ["two-way", "sync"],
] as const)("of mode %s, kvsync %s", (mode, command) => {
  it("runs on_change with the keys that changed, and nothing where none did", async () => {
    configureHooks(mode);
    write("a", "1");
    write("b", "2");
    expect(await kvsync(command)).toMatchObject({ code: 0 });
    expect(
      told("change")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { key: "a", side: "remote", event: "added" },
      { key: "b", side: "remote", event: "added" },
    ]);
    expect(told("environment")).toBe("app change 2\n");
    expect(await kvsync(command)).toMatchObject({ code: 0 });
    expect(told("environment")).toBe("app change 2\n");
  });

  it("runs on_hold once for a plan that is held", async () => {
    configureHooks(mode);
    for (let i = 0; i < 20; i++) write(`k${i}`, String(i));
    expect(await kvsync(command)).toMatchObject({ code: 0 });
    for (let i = 0; i < 20; i++) rmSync(join(dir, "kv", `k${i}`));
    write("other", "x");
    expect(await kvsync(command)).toMatchObject({ code: 5 });
    expect(JSON.parse(told("hold"))).toMatchObject({ removes: 20 });
    expect(await kvsync(command)).toMatchObject({ code: 5 });
    expect(told("hold").trim().split("\n")).toHaveLength(1);
  });

  it("runs none for a dry run", async () => {
    configureHooks(mode);
    write("a", "1");
    await kvsync(command, "--dry-run");
    expect(told("change")).toBe("");
  });
});

describe("a hook that fails", () => {
  it("is told of, and is a failure of the command, whose work is done", async () => {
    configureHooks("push", "echo went wrong >&2; exit 3");
    write("a", "1");
    const run = await kvsync("push");
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining("on_change ended with exit code 3") });
    expect(run.stderr).toContain("went wrong");
    expect(run.stdout).toContain("1 written");
  });

  it("is told to have run into its timeout, where it did", async () => {
    configureHooks("push", "sleep 60", "1s");
    write("a", "1");
    const run = await kvsync("push");
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("on_change took longer than 1s and was ended"),
    });
  });

  it("of a hold is told of, and the exit code is that of the hold", async () => {
    configureHooks("push");
    write("a", "1");
    expect(await kvsync("push")).toMatchObject({ code: 0 });
    configureHooks("push", "exit 3");
    rmSync(join(dir, "kv", "a"));
    const run = await kvsync("push");
    expect(run).toMatchObject({ code: 5, stderr: expect.stringContaining("on_hold ended with exit code 3") });
  });
});
