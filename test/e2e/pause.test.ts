// Mappings that a person pauses, and plans that are discarded: with a daemon, across its restart, and without one.

import { afterEach, beforeEach, expect, it } from "vitest";
import { records } from "../support/cli.ts";
import { DaemonFixture, TWO_WAY } from "../support/daemon-process.ts";

let fixture: DaemonFixture;

beforeEach(() => {
  fixture = new DaemonFixture();
  fixture.config(`mappings: { app: ${TWO_WAY}, other: ${TWO_WAY} }`);
});

afterEach(() => fixture.close());

const kvsync = (line: string) => fixture.run(...line.split(" "));

async function ask(path: string): Promise<string> {
  const health = records(fixture.out).find(({ type }) => type === "ready")?.["health"] as string;
  return (await fetch(health + path)).text();
}

it(
  "a daemon does nothing of a paused mapping, across a restart, until it is resumed",
  { timeout: 240_000 },
  async () => {
    fixture.writeMany(20);
    fixture.write("kv/other/k", "1");
    await fixture.start("--json", "--health", "127.0.0.1:0");
    await fixture.until(async () => (await fixture.stateOf()) === "in-step");
    expect(await fixture.run("pause", "app", "--reason", "a deploy")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("paused app"),
      stderr: expect.stringContaining("kvsync resume app"),
    });
    fixture.write("kv/app/new", "1");
    fixture.write("kv/other/new", "1");
    await fixture.until(() => fixture.storedKeys("other").includes("new"));
    expect((await kvsync("status")).stdout).toMatch(
      /app {2}paused, .*\n {2}paused for .*: a deploy\n {2}hint: kvsync resume app/,
    );
    expect(JSON.parse(await ask("/health"))).toMatchObject({
      status: "ok",
      mappings: [{ name: "app", state: "paused" }, { name: "other" }],
    });
    expect(await ask("/metrics")).toContain('kvsync_mapping_paused{mapping="app"} 1');
    expect(await kvsync("sync --now app")).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("kvsync resume app"),
    });
    const all = await kvsync("sync --now --json");
    expect([all.code, records(all.stdout).map(({ mapping, paused }) => [mapping, paused])]).toEqual([
      0,
      [
        ["app", expect.objectContaining({ reason: "a deploy" })],
        ["other", undefined],
      ],
    ]);
    expect([(await kvsync("status --wait")).code, (await kvsync("status --wait app")).code]).toEqual([0, 5]);
    expect((await kvsync("pause nope")).code).toBe(2);

    expect((await fixture.stop()).code).toBe(0);
    await fixture.start("--json");
    expect((await kvsync("status --json")).stdout).toContain('"state":"paused"');
    expect(fixture.err).toContain("paused: a deploy");
    expect(fixture.storedKeys("app")).not.toContain("new");
    expect((await kvsync("resume app")).stdout).toContain("resumed app");
    await fixture.until(() => fixture.storedKeys("app").includes("new"));
    expect(await kvsync("resume --all")).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("no mapping is paused"),
    });
    const events = records(fixture.out).filter(({ type }) => type === "resumed");
    expect(events).toEqual([{ type: "resumed", mapping: "app" }]);

    await fixture.atOnce("app", () => {
      for (let i = 0; i < 15; i++) fixture.remove(`kv/app/k${i}`);
    });
    await fixture.until(async () => (await fixture.stateOf()) === "hold");
    expect(fixture.storedKeys("app")).toHaveLength(21);
    expect((await kvsync("discard app --plan 0000000000")).code).toBe(2);
    expect(await fixture.stateOf()).toBe("hold");
    expect(await kvsync("discard app")).toMatchObject({ code: 0, stdout: expect.stringContaining("discarded plan") });
    expect((await kvsync("status")).stdout).toMatch(/paused for .*: plan [0-9a-f]{10} was discarded/);
    expect((await kvsync("approve app")).stderr).toContain("is not held");
    for (let i = 0; i < 10; i++) fixture.write(`kv/app/k${i}`, `value ${i}`);
    // Five removals alone would not be held: those that are left of an accident are.
    expect((await kvsync("resume app")).code).toBe(0);
    await fixture.until(async () => (await fixture.stateOf()) === "hold");
    expect((await kvsync("status")).stdout).toContain("5 keys would still be removed");
    expect(fixture.storedKeys("app")).toHaveLength(21);
    expect((await kvsync("pause app")).code).toBe(0);
    expect(await kvsync("approve app")).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("kvsync resume app"),
    });
    expect(fixture.storedKeys("app")).toHaveLength(21);
    expect((await kvsync("resume app")).code).toBe(0);
    await fixture.until(() => fixture.storedKeys("app").length === 16);
    const history = (await kvsync("history app")).stdout;
    for (const line of ["paused: a deploy", "resumed: a person asked for it", "discarded: plan "])
      expect(history).toContain(line);
    expect((await fixture.stop()).code).toBe(0);
  },
);

it("without a daemon rounds go by it, and what only looks does not", { timeout: 240_000 }, async () => {
  fixture.writeMany(20);
  fixture.write("kv/other/k", "1");
  expect((await kvsync("sync")).code).toBe(0);
  fixture.write("kv/app/new", "1");
  expect((await kvsync("plan app --out a.plan")).code).toBe(4);
  expect((await kvsync("pause app")).stderr).toContain("no daemon runs");
  const all = await kvsync("sync");
  expect([all.code, all.stderr]).toEqual([0, expect.stringContaining("left out: app, which is paused")]);
  for (const line of ["sync app", "push app", "pull app", "sync other app", "apply a.plan"])
    expect([line, await kvsync(line)]).toMatchObject([
      line,
      { code: 5, stderr: expect.stringContaining("kvsync resume app") },
    ]);
  expect((await kvsync("sync --json")).stdout).toContain('"mapping":"app","paused":{');
  for (const line of ["diff app", "plan app", "sync app --dry-run", "apply a.plan --dry-run"])
    expect([line, (await kvsync(line)).stdout]).toEqual([line, expect.stringContaining("new")]);
  expect(fixture.storedKeys("app")).toHaveLength(20);
  expect((await kvsync("status")).stdout).toMatch(/app {2}paused/);

  for (let i = 0; i < 15; i++) fixture.remove(`kv/app/k${i}`);
  expect((await kvsync("resume app")).stderr).toContain("kvsync sync app");
  expect((await kvsync("sync app")).code).toBe(5);
  expect((await kvsync("discard app")).stdout).toContain("discarded plan");
  expect((await kvsync("discard app")).stderr).toContain("not held");
  expect((await kvsync("status --json")).stdout).toContain('"state":"paused"');

  // A mapping that goes from the config meanwhile can be resumed, and leaves nothing behind.
  fixture.config(`mappings: { other: ${TWO_WAY} }`);
  expect((await kvsync("sync")).stderr).not.toContain("paused");
  expect((await kvsync("resume app")).code).toBe(0);
  expect((await kvsync("resume app")).code).toBe(2);
  expect((await kvsync("resume --all")).stderr).toContain("no mapping is paused");
});
