// Hooks: what a program is told, when it runs, and what becomes of its failures.

import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pLimit from "p-limit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { RETRIES_MAX } from "../../../src/mapping/hooks/hook-queue.ts";
import { LINES_MAX } from "../../../src/mapping/hooks/hook-news.ts";
import type { ChangedKey } from "../../../src/mapping/hooks/hooks.ts";
import { openWorkshop, shell, type Workshop } from "./hooks-fixture.ts";

let workshop: Workshop;
beforeEach(() => {
  workshop = openWorkshop();
});
afterEach(() => workshop.close());

const added = (key: string): ChangedKey => ({ key, side: "local", event: "added" });
const removed = (key: string): ChangedKey => ({ key, side: "local", event: "removed" });

/** Writes down all that a program is told. */
const TELL = 'cat >> stdin; echo "$KVSYNC_MAPPING $KVSYNC_EVENT $KVSYNC_COUNT $KVSYNC_MORE" >> told; pwd > cwd';

describe("a hook is told", () => {
  it("the changed keys on stdin, a line of JSON each, and never on its command line", async () => {
    const hooks = workshop.open({ onChange: shell(`${TELL}; echo "$0 $*" > args; env > env`) });
    const nasty = 'a"b\n$(touch pwned) ;x';
    hooks.changed([added("a.json"), { key: nasty, side: "remote", event: "changed" }]);
    await workshop.clock.advance(1000);
    await workshop.logged(/on_change ran/);
    const lines = workshop.text("stdin").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { key: "a.json", side: "local", event: "added" },
      { key: nasty, side: "remote", event: "changed" },
    ]);
    expect(workshop.text("told")).toBe("app-config change 2 0\n");
    expect(workshop.text("cwd").trim()).toMatch(new RegExp(`${workshop.folder}$`));
    expect(workshop.text("args") + workshop.text("env")).not.toContain("pwned");
    await hooks.close();
  });

  it("of a hold, with its plan", async () => {
    const hooks = workshop.open({ onHold: shell(TELL) });
    hooks.held({ plan: "0000000000", reason: "old", writes: 0, removes: 1 });
    hooks.held({ plan: "0123456789", reason: "320 keys would be removed", writes: 1, removes: 320 });
    await workshop.clock.advance(1000);
    await workshop.logged(/on_hold ran/);
    expect(workshop.text("stdin")).toBe(
      '{"plan":"0123456789","reason":"320 keys would be removed","writes":1,"removes":320}\n',
    );
    expect(workshop.text("told")).toBe("app-config hold 321 0\n");
    await hooks.close();
  });

  it("of conflicts, each key once", async () => {
    const hooks = workshop.open({ onConflict: shell(TELL) });
    hooks.conflicted(["b", "a"]);
    hooks.conflicted(["b"], 7);
    await workshop.clock.advance(1000);
    await workshop.logged(/on_conflict ran/);
    expect(workshop.text("stdin")).toBe('{"key":"b"}\n{"key":"a"}\n');
    expect(workshop.text("told")).toBe("app-config conflict 9 7\n");
    await hooks.close();
  });

  it("how many more there were, when there are too many to list", async () => {
    const hooks = workshop.open({
      onChange: shell("wc -l | tr -d ' ' > lines; echo $KVSYNC_COUNT $KVSYNC_MORE > told"),
    });
    hooks.changed(
      Array.from({ length: LINES_MAX + 10 }, (_, i) => added(`key-${i}`)),
      5,
    );
    await workshop.clock.advance(1000);
    await workshop.logged(/on_change ran/);
    expect(workshop.text("lines")).toBe(`${LINES_MAX}\n`);
    expect(workshop.text("told")).toBe(`${LINES_MAX + 15} 15\n`);
    await hooks.close();
  });

  it("no secret, and nothing that systemd told the daemon", async () => {
    const env = {
      PATH: process.env["PATH"],
      LANG: "C.UTF-8",
      CLOUDFLARE_API_TOKEN: "one",
      CLOUDFLARE_ACCOUNT_ID: "two",
      KVSYNC_PASSPHRASE: "three",
      AWS_SECRET_ACCESS_KEY: "four",
      MY_OWN_NAME: " hidden-token\n",
      NOTIFY_SOCKET: "/run/systemd/notify",
      CREDENTIALS_DIRECTORY: "/run/credentials/kvsync.service",
      KVSYNC_EVENT: "something else",
    };
    const secrets = [new Secret("hidden-token")];
    const hooks = workshop.open({ onChange: shell("env > env") }, { env, secrets: () => secrets });
    hooks.changed([added("a")]);
    await workshop.clock.advance(1000);
    await workshop.logged(/on_change ran/);
    const names = workshop
      .text("env")
      .trim()
      .split("\n")
      .map((line) => line.split("=", 1)[0] ?? "");
    // What a shell adds of its own.
    const own = new Set(["PWD", "OLDPWD", "SHLVL", "_"]);
    expect(names.filter((name) => !own.has(name)).sort()).toEqual(
      ["PATH", "LANG", "KVSYNC_MAPPING", "KVSYNC_EVENT", "KVSYNC_COUNT", "KVSYNC_MORE"].sort(),
    );
    expect(workshop.text("env")).toContain("KVSYNC_EVENT=change\n");
    await hooks.close();
  });

  it("not what is a secret only since the config was loaded again", async () => {
    let secrets: readonly Secret[] = [];
    const env = { PATH: process.env["PATH"], NEW_TOKEN: "hidden-token" };
    const hooks = workshop.open({ onChange: shell("env > env") }, { env, secrets: () => secrets });
    hooks.changed([added("a")]);
    await workshop.clock.advance(1000);
    await workshop.logged(/on_change ran/);
    expect(workshop.text("env")).toContain("NEW_TOKEN=");
    secrets = [new Secret("hidden-token")];
    hooks.changed([added("b")]);
    await workshop.clock.advance(1000);
    await hooks.close();
    expect(workshop.text("env")).not.toContain("NEW_TOKEN=");
  });

  it("nothing where there is none", async () => {
    const hooks = workshop.open({});
    hooks.changed([added("a")]);
    hooks.held({ plan: "0123456789", reason: "", writes: 0, removes: 1 });
    hooks.conflicted(["a"]);
    expect(workshop.clock.sleeping).toBe(0);
    await hooks.close();
  });
});

describe("a hook runs", () => {
  it("once for all that came in a while, with the last word on each key", async () => {
    const hooks = workshop.open({ onChange: shell(TELL) });
    hooks.changed([added("a"), added("b")]);
    await workshop.clock.advance(900);
    hooks.changed([removed("a")]);
    await workshop.clock.advance(900);
    expect(workshop.text("told")).toBe("");
    await workshop.clock.advance(100);
    await workshop.logged(/on_change ran/);
    expect(workshop.text("told")).toBe("app-config change 2 0\n");
    expect(workshop.text("stdin")).toContain('{"key":"a","side":"local","event":"removed"}\n');
    await hooks.close();
    expect(workshop.clock.sleeping).toBe(0);
  });

  it("after ten times its debounce, even if changes never pause", async () => {
    const hooks = workshop.open({ onChange: shell(TELL) });
    for (let i = 0; i <= 20; i++) {
      hooks.changed([added(`key-${i}`)]);
      await workshop.clock.advance(500);
    }
    await workshop.logged(/on_change ran/);
    expect(workshop.text("told")).toMatch(/^app-config change (20|21) 0\n$/);
    await hooks.close();
  });

  it("never twice at once: what comes meanwhile is for the next run", async () => {
    workshop.gate("gate");
    const hooks = workshop.open({
      onChange: shell("echo begin >> order; [ -e gate.open ] || read _ < gate; cat >> order; echo end >> order"),
    });
    hooks.changed([added("a")]);
    await workshop.clock.advance(1000);
    await workshop.until("order", (text) => text.includes("begin"));
    hooks.changed([added("b")]);
    hooks.changed([added("c")]);
    await workshop.clock.advance(10_000);
    expect(workshop.text("order")).toBe("begin\n");
    await workshop.pass("gate");
    await workshop.logged(/on_change ran/);
    await workshop.clock.advance(1000);
    await workshop.until("order", (text) => text.match(/end/g)?.length === 2);
    const keys = workshop.text("order").replace(/\{"key":"(.)".*\}/g, "$1");
    expect(keys).toBe("begin\na\nend\nbegin\nb\nc\nend\n");
    await hooks.close();
  });

  it("only when the hooks of other mappings leave room for it", async () => {
    workshop.gate("gate");
    const limit = pLimit(1);
    const first = workshop.open({ onChange: shell("echo 1 >> order; read _ < gate") }, { limit });
    const second = workshop.open({ onChange: shell("echo 2 >> order") }, { limit });
    first.changed([added("a")]);
    second.changed([added("a")]);
    await workshop.clock.advance(1000);
    await workshop.until("order", (text) => text !== "");
    await workshop.clock.advance(1000);
    expect(workshop.text("order")).toBe("1\n");
    await workshop.pass("gate");
    await workshop.until("order", (text) => text === "1\n2\n");
    await Promise.all([first.close(), second.close()]);
  });
});

describe("a hook that fails", () => {
  it("is reported with the end of its stderr, and runs again with what it was told", async () => {
    const script = "cat >> stdin; [ -e works ] || { echo first >&2; echo no such unit >&2; exit 3; }";
    const hooks = workshop.open({ onChange: shell(script) });
    hooks.changed([added("a")]);
    await workshop.clock.advance(1000);
    const line = await workshop.logged(/exit code 3/);
    expect(line).toMatchObject({ level: "warn", fields: { mapping: "app-config", stderr: "first\nno such unit" } });
    expect(line.message).toMatch(/^on_change ended with exit code 3; again in \d/);
    expect(hooks.failures().get("on_change")).toMatchObject({ reason: "ended with exit code 3", attempts: 1 });
    hooks.changed([added("b")]);
    writeFileSync(join(workshop.folder, "works"), "");
    await workshop.clock.advance(20_000);
    await workshop.logged(/on_change works again/);
    expect(workshop.text("stdin").match(/"a"/g)).toHaveLength(2);
    expect(workshop.text("stdin").match(/"b"/g)).toHaveLength(1);
    expect(hooks.failures().size).toBe(0);
    await hooks.close();
  });

  it("is retried a few times, and then with the next news", async () => {
    const hooks = workshop.open({ onChange: shell("cat >> stdin; echo run >> runs; exit 1", { timeoutMs: 1e9 }) });
    hooks.changed([added("a")]);
    for (let run = 1; run <= RETRIES_MAX + 1; run++) {
      await workshop.advanceUntil("runs", (text) => text === "run\n".repeat(run));
      await workshop.logged(/exit code 1/, run - 1);
    }
    expect(await workshop.logged(/it runs again when there is news/)).toMatchObject({
      level: "error",
      fields: { missed: 1, attempts: RETRIES_MAX + 1 },
    });
    await workshop.clock.advance(3_600_000);
    expect(workshop.text("runs")).toBe("run\n".repeat(RETRIES_MAX + 1));
    hooks.changed([added("b")]);
    await workshop.clock.advance(1000);
    await workshop.until("runs", (text) => text === "run\n".repeat(RETRIES_MAX + 2));
    expect(workshop.text("stdin").trimEnd().split("\n").slice(-2).join()).toMatch(/"a".*"b"/);
    await hooks.close();
  });

  it("says why it cannot be started", async () => {
    writeFileSync(join(workshop.folder, "plain"), "no program");
    chmodSync(join(workshop.folder, "plain"), 0o600);
    const config = { debounceMs: 0, timeoutMs: 1000 };
    const missing = workshop.open({ onChange: { run: ["no-such-program-here"], ...config } });
    const plain = workshop.open({ onChange: { run: ["./plain"], ...config } });
    const nul = workshop.open({ onChange: { run: ["sh", "-c", "\0"], ...config } });
    const homeless = workshop.open({ onChange: shell("true", config) }, { folder: join(workshop.folder, "gone") });
    for (const hooks of [missing, plain, nul, homeless]) hooks.changed([added("a")]);
    await workshop.clock.advance(0);
    await workshop.logged(/there is no program "no-such-program-here"/);
    await workshop.logged(/"\.\/plain" is not executable/);
    await workshop.logged(/cannot start: .*null bytes/);
    await workshop.logged(/there is no folder .*gone/);
    await Promise.all([missing, plain, nul, homeless].map((hooks) => hooks.close()));
  });
});
