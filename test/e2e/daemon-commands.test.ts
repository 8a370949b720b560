// The commands that ask a running daemon, or stand in for it: status, approve, reload, sync, history, trash.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { records } from "../support/cli.ts";
import { DaemonFixture, TWO_WAY } from "../support/daemon-process.ts";

let fixture: DaemonFixture;

beforeEach(() => {
  fixture = new DaemonFixture();
});

afterEach(() => fixture.close());

describe("a held mapping", () => {
  it("waits, is explained, and goes on when it is approved", async () => {
    fixture.config();
    fixture.writeMany(20);
    await fixture.start();
    // Looked at as one: else some of the removals may be done before there are too many of them.
    expect((await fixture.run("pause", "app")).code).toBe(0);
    for (let i = 0; i < 15; i++) fixture.remove(`kv/app/k${i}`);
    expect((await fixture.run("resume", "app")).code).toBe(0);
    await fixture.until(async () => (await fixture.stateOf()) === "hold");
    expect((await fixture.keys()).length).toBe(20);
    const status = await fixture.run("status");
    expect(status.stdout).toContain("15 keys would be removed from the namespace, and 10 are allowed");
    expect(status.stdout).toContain("kvsync approve app");
    expect((await fixture.run("status", "--wait")).code).toBe(5);
    expect((await fixture.run("approve", "app", "--plan", "0000000000")).code).toBe(2);
    expect((await fixture.run("approve", "app")).code).toBe(0);
    // The plan that was let run is waited for.
    expect((await fixture.run("status", "--wait")).code).toBe(0);
    expect(await fixture.keys()).toHaveLength(5);
    expect((await fixture.run("approve", "app")).stderr).toContain("is not held");
    const history = (await fixture.run("history", "app")).stdout;
    expect(history).toMatch(/held: plan [0-9a-f]{10}/);
    expect(history).toContain("removed k0 in the namespace: the file is gone");
    await fixture.stop();
  });

  it("is one, too, whose every key would be overwritten, unless its config allows that", async () => {
    const hook = `on_hold: { run: [sh, -c, "echo held >> ../../hooked"], debounce: 10ms }`;
    fixture.config(`mappings: { app: ${TWO_WAY.replace(" }", `, ${hook} }`)} }`);
    fixture.writeMany(12);
    await fixture.start();
    await fixture.atOnce("app", () => {
      for (let i = 0; i < 12; i++) fixture.write(`kv/app/k${i}`, "scrambled");
    });
    await fixture.until(async () => (await fixture.stateOf()) === "hold");
    await fixture.until(() => fixture.has("hooked"));
    expect((await fixture.run("status")).stdout).toContain(
      "all 12 keys that both sides agreed on would be overwritten",
    );
    expect((await fixture.run("key", "get", "k3", "-n", "app")).stdout).toBe("value 3");
    expect((await fixture.run("sync", "--now")).code).toBe(5);
    await fixture.stop();
    const { code, stderr } = await fixture.run("sync");
    expect([code, stderr]).toEqual([5, expect.stringContaining("(max_overwrite)")]);
    expect((await fixture.run("approve", "app")).code).toBe(0);
    expect((await fixture.run("sync")).code).toBe(0);
    expect((await fixture.run("key", "get", "k3", "-n", "app")).stdout).toBe("scrambled");
    expect((await fixture.run("history", "app")).stdout).toMatch(/approved: plan [0-9a-f]{10}: all 12 keys/);
    for (let i = 0; i < 12; i++) fixture.write(`kv/app/k${i}`, "rebuilt");
    expect((await fixture.run("sync", "--force")).code).toBe(0);
    fixture.config(`mappings: { app: ${TWO_WAY.replace(" }", ", max_overwrite: 100% }")} }`);
    for (let i = 0; i < 12; i++) fixture.write(`kv/app/k${i}`, "rebuilt again");
    expect((await fixture.run("sync")).stdout).toContain("12 written");
  });

  it("can be approved while no daemon runs, and by the plan that a single round was held with", async () => {
    fixture.config();
    fixture.writeMany(20);
    expect((await fixture.run("sync")).code).toBe(0);
    for (let i = 0; i < 15; i++) fixture.remove(`kv/app/k${i}`);
    const held = await fixture.run("sync", "--json");
    expect(held.code).toBe(5);
    const plan = records(held.stdout).find(({ type }) => type === "held")?.["plan"] as string;
    expect((await fixture.run("approve", "app", "--plan", plan)).code).toBe(0);
    expect((await fixture.run("sync")).code).toBe(0);
    expect((await fixture.keys()).length).toBe(5);
  });
});

describe("status while no daemon runs", () => {
  it("tells how the last rounds ended, what waits, and what to type; and fails, since nothing is kept in step", async () => {
    fixture.config(`mappings: { app: ${TWO_WAY}, more: ${TWO_WAY} }`);
    fixture.writeMany(20);
    const never = await fixture.run("status");
    expect(never.code).toBe(1);
    expect(never.stdout).toMatch(/app {2}not running, not looked at yet/);
    fixture.write("kv/more/a", "1");
    fixture.write("kv/more/b", "1");
    fixture.write("kv/more/b%meta", "{broken");
    expect((await fixture.run("sync", "app")).code).toBe(0);
    expect((await fixture.run("sync", "more")).code).toBe(3);
    for (let i = 0; i < 15; i++) fixture.remove(`kv/app/k${i}`);
    const plan = records((await fixture.run("sync", "app", "--json")).stdout).find(({ type }) => type === "held")?.[
      "plan"
    ];
    const told = await fixture.run("status");
    expect(told.code).toBe(1);
    expect(told.stdout).toContain(`plan ${String(plan)}:`);
    expect(told.stdout).toContain(`kvsync approve app --plan ${String(plan)}`);
    expect(told.stdout).toMatch(/! b: .*\(metadata-invalid, for /);
    expect(told.stdout).toContain("nothing is kept in step now");
    expect(told.stderr).toContain("start it with kvsync run");
    const lines = records((await fixture.run("status", "--json")).stdout);
    expect(lines).toMatchObject([
      { type: "mapping", mapping: "app", state: "hold", hold: { plan } },
      { type: "mapping", mapping: "more", state: "stopped", problemCount: 1, lastRound: { written: 1, failed: 1 } },
      { type: "summary", command: "status", running: false },
    ]);
    expect((await fixture.run("status", "more")).stdout).not.toContain("app");
  });

  it("tells of a mapping whose last round failed, and approve says so as well", async () => {
    fixture.config();
    expect((await fixture.run("sync")).code).toBe(1);
    expect((await fixture.run("status")).stdout).toMatch(/app {2}failing, .*\n {2}.*\(root-missing, for /);
    const approved = await fixture.run("approve", "app");
    expect(approved.code).toBe(2);
    expect(approved.stderr).toContain("its last round failed");
    expect(approved.stderr).toContain("kvsync sync app");
  });
});

describe("the config", () => {
  it("is read again on a reload, and the old one stays if there is something wrong with it", async () => {
    fixture.config();
    fixture.write("kv/app/a", "1");
    fixture.write("kv/more/b", "1");
    await fixture.start();
    fixture.config(`mappings: { app: ${TWO_WAY}, more: ${TWO_WAY} }`);
    expect((await fixture.run("reload")).stdout).toContain("added more");
    await fixture.until(async () => (await fixture.stateOf("more")) === "in-step");
    fixture.write("kvsync.yaml", "mappings: { app: { mode: sideways } }");
    fixture.kill("SIGHUP");
    await fixture.until(() => fixture.err.includes("the old one stays"));
    fixture.config();
    expect(await fixture.stateOf("more")).toBe("in-step");
    fixture.kill("SIGHUP");
    await fixture.until(async () => (await fixture.stateOf("more")) === undefined);
    await fixture.stop();
  });

  it("with auto makes a mapping of each folder, and a folder that goes takes nothing with it", async () => {
    fixture.config("auto: { account: local, mode: push }");
    fixture.write("kv/one/a", "1");
    await fixture.start();
    expect(await fixture.keys("local:one")).toEqual(["a"]);
    fixture.write("kv/two/b", "2");
    await fixture.until(async () => (await fixture.keys("local:two")).includes("b"));
    fixture.remove("kv/one");
    await fixture.until(async () => (await fixture.stateOf("one")) === undefined);
    expect(await fixture.keys("local:one")).toEqual(["a"]);
    await fixture.stop();
  });
});

describe("commands that ask", () => {
  it("say that no daemon runs, and what to do", async () => {
    fixture.config();
    const { code, stderr } = await fixture.run("status");
    expect(code).toBe(1);
    expect(stderr).toContain("start it with kvsync run");
    expect((await fixture.run("history")).code).toBe(0);
    expect((await fixture.run("trash", "list")).code).toBe(0);
    for (const command of [["history"], ["trash", "list"]]) {
      const run = await fixture.run(...command, "nope");
      expect(run.code).toBe(2);
      expect(run.stderr).toContain('there is no mapping "nope"\n  hint: mappings are: app');
    }
  });

  it("look at once when asked to", async () => {
    fixture.config(`mappings: { app: ${TWO_WAY.replace("poll_interval: 1s", "poll_interval: 1h")} }`);
    fixture.write("kv/app/a", "1");
    await fixture.start();
    await fixture.run("key", "put", "b", "2", "-n", "app");
    // The server may have told of it already.
    expect((await fixture.run("sync", "--now", "app")).stdout).toMatch(/app: [01] written/);
    expect(fixture.has("kv/app/b")).toBe(true);
    expect((await fixture.run("sync", "--now", "nope")).code).toBe(2);
    await fixture.stop();
  });

  it("bring back from the trash what was replaced", async () => {
    fixture.config();
    fixture.write("kv/app/a", "mine");
    await fixture.run("sync");
    await fixture.run("key", "put", "a", "theirs", "-n", "app");
    expect((await fixture.run("sync")).stdout).toContain("1 written");
    const [item] = records((await fixture.run("trash", "list", "--json")).stdout);
    expect(item).toMatchObject({ key: "a", mapping: "app", reason: "replaced" });
    const id = String(item?.["id"]);
    expect((await fixture.run("trash", "restore", id, "--to", "-")).stdout).toBe("mine");
    expect((await fixture.run("trash", "restore", id, "--to", "old")).code).toBe(0);
    expect(fixture.read("old")).toBe("mine");
    const [toOld, toFolder] = [
      await fixture.run("trash", "restore", id, "--to", "old"),
      await fixture.run("trash", "restore", id),
    ];
    expect([toOld.code, toFolder.code]).toEqual([1, 1]);
    expect(toOld.stderr).toMatch(/could not write .*\/old: it exists already\n {2}hint: name another file/);
    expect(toFolder.stderr).toMatch(/could not restore .*\/kv\/app\/a: it exists already, and is not overwritten\n/);
    fixture.remove("kv/app/a");
    expect((await fixture.run("trash", "restore", id)).code).toBe(0);
    expect(fixture.read("kv/app/a")).toBe("mine");
    expect((await fixture.run("trash", "restore", "999")).code).toBe(2);
  });
});
