// The daemon as its users meet it: kvsync run, files that are edited beside it, signals and kills.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { records } from "../support/cli.ts";
import { embeddedValues } from "../support/embedded-values.ts";
import { DaemonFixture, pause, TWO_WAY } from "../support/daemon-process.ts";

let fixture: DaemonFixture;

beforeEach(() => {
  fixture = new DaemonFixture();
});

afterEach(() => fixture.close());

describe("kvsync run", () => {
  it("says what it synced and how to try it, carries edits both ways, and ends cleanly", async () => {
    fixture.config();
    fixture.write("kv/app/a.json", "1");
    await fixture.start();
    // Without a terminal the log tells what was done, once.
    expect(fixture.err.match(/"mapping":"app","written":1,.*"message":"synced"/g)).toHaveLength(1);
    expect(fixture.out).not.toContain("1 written");
    expect(fixture.out).toContain("in step from here on");
    expect(fixture.out).toContain("kvsync key list -n app");
    fixture.write("kv/app/b/c.json", "2");
    await fixture.until(async () => (await fixture.keys()).includes("b/c.json"));
    fixture.remove("kv/app/a.json");
    await fixture.until(() => !fixture.storedKeys().includes("a.json"));
    await fixture.run("key", "put", "from-kv", "hello", "-n", "app");
    await fixture.until(() => fixture.has("kv/app/from-kv"));
    expect(fixture.read("kv/app/from-kv")).toBe("hello");
    const { code, stdout } = await fixture.stop("SIGINT");
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^stopped/);
    expect(fixture.has("state/control.sock")).toBe(false);
  });

  it("shows an edit within a second", async () => {
    fixture.config();
    fixture.write("kv/app/a", "1");
    await fixture.start();
    const edited = Date.now();
    fixture.write("kv/app/a", "2");
    await fixture.until(async () => (await fixture.run("key", "get", "a", "-n", "app")).stdout === "2");
    // By the daemon's own history: on a busy machine the commands above take longer than the daemon.
    const { stdout } = await fixture.run("history", "app", "--json");
    const at = records(stdout).flatMap((line) => (line["event"] === "changed" ? [Date.parse(String(line["at"]))] : []));
    expect(at).toHaveLength(1);
    expect(at[0]! - edited).toBeLessThan(1000);
    await fixture.stop();
  });

  it("carries many new folders, and what changes in them right after, without another look at everything", async () => {
    fixture.config("mappings: { app: { account: local, mode: push, create: true } }");
    fixture.writeMany(1000);
    await fixture.start("--json");
    await fixture.until(() => fixture.out.includes('"type":"round"'));
    const folders = Array.from({ length: 100 }, (_, i) => `kv/app/new/d${i}`);
    for (const folder of folders) fixture.write(`${folder}/a`, "1");
    await fixture.until(() => fixture.storedKeys().length === 1100);
    // Most of the folders are not watched yet.
    for (const folder of folders) fixture.write(`${folder}/a`, "2");
    for (const folder of folders) fixture.write(`${folder}/b`, "3");
    await fixture.until(() => {
      const values = embeddedValues(join(fixture.dir, "state"), "app");
      return folders.every((_, i) => values[`new/d${i}/a`] === "2" && values[`new/d${i}/b`] === "3");
    });
    const { stdout } = await fixture.stop();
    expect(records(stdout).filter(({ type, step }) => type === "round" && step === "full")).toHaveLength(1);
  });

  it("is the only one that works with a state folder", async () => {
    fixture.config();
    fixture.write("kv/app/a", "1");
    await fixture.start();
    expect((await fixture.run("run")).code).toBe(10);
    const sync = await fixture.run("sync");
    expect(sync.code).toBe(10);
    await fixture.stop();
  });

  it("goes on after it was killed, and loses nothing", async () => {
    fixture.config();
    fixture.writeMany(300);
    await fixture.start("--json");
    await fixture.until(async () => (await fixture.stateOf()) === "in-step");
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 100; j++) fixture.write(`kv/app/k${j}`, `edited ${i} ${j}`);
      await pause(100 * (i + 1));
      await fixture.stop("SIGKILL");
      await fixture.start("--json");
    }
    expect((await fixture.run("status", "--wait")).code).toBe(0);
    expect(fixture.storedKeys().length).toBe(300);
    expect((await fixture.run("key", "get", "k7", "-n", "app")).stdout).toBe("edited 2 7");
    await fixture.stop();
    expect((await fixture.run("sync")).stdout).toContain("0 written, 0 removed, 300 unchanged");
  });

  it("begins anew with a journal that was damaged, and deletes nothing", async () => {
    fixture.config();
    fixture.writeMany(20);
    await fixture.start();
    await fixture.stop();
    fixture.write("state/journal.sqlite", "this is no database".repeat(1000));
    fixture.remove("state/journal.sqlite-wal", "state/journal.sqlite-shm");
    fixture.remove("kv/app/k0");
    await fixture.start();
    expect(fixture.err).toContain("the journal was damaged");
    await fixture.run("status", "--wait");
    expect(fixture.storedKeys().length).toBe(20);
    expect(fixture.has("kv/app/k0")).toBe(true);
    await fixture.stop();
  });

  it("begins anew, in the same process, with a journal that proves to be damaged while it is read", async () => {
    fixture.config();
    fixture.writeMany(500);
    await fixture.start();
    await fixture.stop();
    const journal = readFileSync(join(fixture.dir, "state/journal.sqlite"));
    journal.fill("x", journal.length / 2);
    writeFileSync(join(fixture.dir, "state/journal.sqlite"), journal);
    fixture.remove("kv/app/k0");
    await fixture.start("--json");
    await fixture.until(() => fixture.err.includes("has been put aside"));
    expect((await fixture.run("status", "--wait")).code).toBe(0);
    expect(fixture.storedKeys().length).toBe(500);
    expect(fixture.has("kv/app/k0")).toBe(true);
    await fixture.stop();
  });

  it("says with --json what happens, line by line", async () => {
    fixture.config();
    fixture.write("kv/app/a", "1");
    await fixture.start("--json");
    await fixture.until(() => fixture.out.includes('"type":"round"'));
    fixture.write("kv/app/b", "2");
    await fixture.until(() => fixture.out.split('"written":1').length > 2);
    const { stdout } = await fixture.stop();
    const events = records(stdout);
    expect(events[0]).toMatchObject({ type: "ready" });
    expect(events.filter(({ type, written }) => type === "round" && written === 1)).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ type: "summary", command: "run" });
  });

  it("serves health and metrics where it is asked to", async () => {
    fixture.config();
    fixture.write("kv/app/a", "1");
    await fixture.start("--json", "--health", "0");
    const url = records(fixture.out)[0]?.["health"] as string;
    await fixture.until(async () => (await fetch(`${url}/health`)).ok);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('kvsync_keys_written_total{mapping="app",side="remote"}');
    expect(metrics).toContain('kvsync_mapping_held{mapping="app"} 0');
    await fixture.stop();
  });

  it("gives a hook all the time that it may have, also if that is more than a timer can count", async () => {
    const hook = `on_change: { run: [sh, -c, "sleep 0.5; touch ../../hooked"], debounce: 10ms, timeout: 30d }`;
    fixture.config(`mappings: { app: ${TWO_WAY.replace(" }", `, ${hook} }`)} }`);
    fixture.write("kv/app/a", "1");
    await fixture.start();
    await fixture.until(() => fixture.has("hooked"));
    expect((await fixture.stop()).stderr).not.toContain("on_change");
  });

  it("runs hooks after a change", async () => {
    const hook = `on_change: { run: [sh, -c, "cat >> ../../hooked"], debounce: 10ms }`;
    fixture.config(`mappings: { app: ${TWO_WAY.replace(" }", `, ${hook} }`)} }`);
    fixture.write("kv/app/a", "1");
    await fixture.start();
    await fixture.until(() => fixture.has("hooked") && fixture.read("hooked").includes("\n"));
    expect(records(fixture.read("hooked"))).toEqual([{ key: "a", side: "remote", event: "added" }]);
    await fixture.stop();
  });
});
