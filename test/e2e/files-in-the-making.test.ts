// Files that are still being written, by real programs and real clocks: what a command and the daemon carry of them, and when.

import { appendFileSync, closeSync, ftruncateSync, openSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { records } from "../support/cli.ts";
import { DaemonFixture } from "../support/daemon-process.ts";

let fixture: DaemonFixture;

beforeEach(() => {
  fixture = new DaemonFixture();
});
afterEach(() => fixture.close());

const PUSH = "account: local, mode: push, create: true";

function path(name: string): string {
  return join(fixture.dir, "kv/app", name);
}

/** Writes to `name` every 50 ms until it is told to stop. */
function keepWriting(name: string): () => void {
  fixture.write(`kv/app/${name}`, "");
  const timer = setInterval(() => appendFileSync(path(name), "a line\n"), 50);
  return () => clearInterval(timer);
}

async function valueOf(key: string): Promise<string | undefined> {
  const { code, stdout } = await fixture.run("key", "get", key, "-n", "app");
  return code === 0 ? stdout : undefined;
}

describe("a command", () => {
  test("carries what was written a moment ago", async () => {
    fixture.config(`mappings: { app: { ${PUSH} } }`);
    fixture.write("kv/app/a", "just now");
    fixture.write("kv/app/empty", "");
    const { code, stdout, stderr } = await fixture.run("push", "--json");
    expect(code).toBe(0);
    expect(stderr).not.toContain("waiting for");
    expect(records(stdout).at(-1)).toMatchObject({ type: "summary", written: 2, failed: 0 });
  });

  test("waits for a file that is written to all the time, says so, and carries it as it is in the end", async () => {
    fixture.config(`mappings: { app: { ${PUSH}, stable_after: 2s, stable_max: 4s } }`);
    fixture.write("kv/app/a", "a");
    const stop = keepWriting("app.log");
    try {
      const began = Date.now();
      const { code, stderr } = await fixture.run("push");
      expect(Date.now() - began).toBeGreaterThanOrEqual(4000);
      expect(stderr).toMatch(/waiting for (a and 1 other|app\.log), which (is|are) still being written/);
      expect(code).toBe(0);
    } finally {
      stop();
    }
    expect(await valueOf("app.log")).toMatch(/^(a line\n)+$/);
  });
});

describe("the daemon", () => {
  test("shows no value of a file that was truncated, until it is written", async () => {
    fixture.config(`mappings: { app: { ${PUSH} } }`);
    fixture.write("kv/app/a", "one");
    await fixture.start();
    const fd = openSync(path("a"), "r+");
    const seen = new Set<string | undefined>();
    // One that is left alone is taken for empty after five seconds, which a slow machine takes for what follows.
    const timer = setInterval(() => ftruncateSync(fd, 0), 200);
    try {
      ftruncateSync(fd, 0);
      for (const end = Date.now() + 1500; Date.now() < end;) seen.add(await valueOf("a"));
      expect([...seen]).toEqual(["one"]);
      const { stdout } = await fixture.run("status", "--json");
      expect(records(stdout)[0]).toMatchObject({ state: "behind", pending: 1, beingWritten: ["a"] });
      expect((await fixture.run("status")).stdout).toContain("waiting for a, which is still being written");
      clearInterval(timer);
      writeSync(fd, "two", 0);
    } finally {
      clearInterval(timer);
      closeSync(fd);
    }
    await fixture.until(async () => (await valueOf("a")) === "two");
    await fixture.until(async () => (await fixture.stateOf()) === "in-step");
  });

  test("does not let a file that is being written hold up another one, and carries it in the end", async () => {
    fixture.config(`mappings: { app: { ${PUSH}, stable_after: 2s, stable_max: 30s } }`);
    fixture.write("kv/app/a", "one");
    await fixture.start();
    const stop = keepWriting("app.log");
    try {
      writeFileSync(path("a.tmp"), "two");
      renameSync(path("a.tmp"), path("a"));
      await fixture.until(async () => (await valueOf("a")) === "two", 20_000);
      expect(await valueOf("app.log")).toBeUndefined();
      const asked = await fixture.run("sync", "--now");
      expect(asked.stdout + asked.stderr).toContain("app.log is still being written");
      await fixture.until(async () => (await valueOf("app.log")) !== undefined);
    } finally {
      stop();
    }
    await fixture.until(async () => (await valueOf("app.log")) === fixture.read("kv/app/app.log"));
  });

  test("carries what was written a moment ago when it is asked to", async () => {
    fixture.config(`mappings: { app: { ${PUSH} } }`);
    fixture.write("kv/app/a", "one");
    await fixture.start();
    fixture.write("kv/app/a", "two");
    expect((await fixture.run("sync", "--now", "app")).code).toBe(0);
    expect(await valueOf("a")).toBe("two");
  });
});
