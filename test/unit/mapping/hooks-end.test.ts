// How hooks end: by themselves, after their timeout, and when the daemon stops.

import pLimit from "p-limit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KILL_GRACE_MS } from "../../../src/mapping/hooks/run-hook.ts";
import { isRunning, openWorkshop, shell, type Workshop } from "./hooks-fixture.ts";

let workshop: Workshop;
beforeEach(() => {
  workshop = openWorkshop();
});
afterEach(() => workshop.close());

const change = [{ key: "a", side: "local", event: "added" }] as const;
const isWhole = (text: string): boolean => text.endsWith("\n");
const pidIn = (name: string): number => Number(workshop.text(name));
const gone = async (pid: number): Promise<void> => {
  while (isRunning(pid)) await new Promise((resolve) => setImmediate(resolve));
};

describe("a hook that takes too long", () => {
  it("is ended with all that it has started", async () => {
    const hooks = workshop.open({ onChange: shell("sleep 1000 & echo $! > child; echo $$ > pid; wait") });
    hooks.changed(change);
    await workshop.clock.advance(1000);
    await workshop.until("pid", isWhole);
    await workshop.clock.advance(59_000);
    expect(isRunning(pidIn("child"))).toBe(true);
    await workshop.clock.advance(1000);
    await workshop.logged(/on_change took longer than 1m and was ended; again in/);
    await gone(pidIn("pid"));
    await gone(pidIn("child"));
    await workshop.advanceWith(hooks.close(0));
  });

  it("is killed if it does not heed that", async () => {
    const script = "trap '' TERM; echo $$ > pid; while :; do read _ < gate || true; done";
    workshop.gate("gate");
    const hooks = workshop.open({ onChange: shell(script) });
    hooks.changed(change);
    await workshop.clock.advance(1000);
    await workshop.until("pid", isWhole);
    await workshop.clock.advance(60_000);
    expect(isRunning(pidIn("pid"))).toBe(true);
    await workshop.clock.advance(KILL_GRACE_MS);
    await workshop.logged(/was ended/);
    expect(isRunning(pidIn("pid"))).toBe(false);
    await workshop.advanceWith(hooks.close(0));
  });

  it("takes its stragglers along, even those that do not heed", async () => {
    const script = "(trap '' TERM; exec sh -c 'echo $$ > child; exec sleep 1000') & wait";
    const hooks = workshop.open({ onChange: shell(script) });
    hooks.changed(change);
    await workshop.clock.advance(1000);
    await workshop.until("child", isWhole);
    await workshop.clock.advance(60_000);
    await gone(pidIn("child"));
    await workshop.clock.advance(1000);
    await workshop.logged(/was ended/);
    await workshop.advanceWith(hooks.close(0));
  });
});

describe("a hook that ends by itself", () => {
  it("need not read its stdin", async () => {
    const hooks = workshop.open({ onChange: shell("exec true") });
    const keys = Array.from({ length: 20_000 }, (_, i) => ({ ...change[0], key: `some-key-of-some-length/${i}` }));
    hooks.changed(keys);
    await workshop.clock.advance(1000);
    await workshop.logged(/on_change ran/);
    await hooks.close();
  });

  it("may leave something running that holds its pipes", async () => {
    const hooks = workshop.open({ onChange: shell("sleep 1000 & echo $! > child") });
    hooks.changed(change);
    await workshop.clock.advance(1000);
    await workshop.until("child", isWhole);
    // It waits for a while for what may still come.
    await workshop.advanceWith(workshop.logged(/on_change ran/));
    expect(isRunning(pidIn("child"))).toBe(true);
    process.kill(pidIn("child"));
    await hooks.close();
  });
});

describe("closing", () => {
  it("runs what is pending at once", async () => {
    const hooks = workshop.open({ onChange: shell("cat > stdin") });
    hooks.changed(change);
    await hooks.close();
    expect(workshop.text("stdin")).toContain('"key":"a"');
    expect(workshop.clock.sleeping).toBe(0);
  });

  it("waits for a program that runs, and for what came meanwhile", async () => {
    workshop.gate("gate");
    const hooks = workshop.open({
      onChange: shell("cat >> stdin; echo x >> begun; [ -e gate.open ] || read _ < gate"),
    });
    hooks.changed(change);
    await workshop.clock.advance(1000);
    await workshop.until("begun", isWhole);
    hooks.changed([{ ...change[0], key: "b" }]);
    const closed = hooks.close(10_000);
    await workshop.clock.advance(9000);
    await workshop.pass("gate");
    await closed;
    expect(workshop.text("stdin")).toMatch(/"a".*\n.*"b"/);
  });

  it("ends a program that is not done at the deadline, and says what it missed", async () => {
    const hooks = workshop.open({ onChange: shell("echo $$ > pid; exec sleep 1000") });
    hooks.changed(change);
    await workshop.clock.advance(1000);
    await workshop.until("pid", isWhole);
    hooks.changed([{ ...change[0], key: "b" }]);
    const closed = hooks.close(10_000);
    await workshop.clock.advance(10_000);
    await closed;
    expect(isRunning(pidIn("pid"))).toBe(false);
    expect(workshop.lines.at(-1)).toMatchObject({
      level: "error",
      message: "on_change was ended, since kvsync stops; kvsync stops, and does not run it again",
      fields: { missed: 2 },
    });
  });

  it("does not wait out a retry, but tries once more", async () => {
    const hooks = workshop.open({ onChange: shell("echo run >> runs; exit 1") });
    hooks.changed(change);
    await workshop.clock.advance(1000);
    await workshop.logged(/again in/);
    await hooks.close();
    expect(workshop.text("runs")).toBe("run\nrun\n");
    expect(workshop.clock.sleeping).toBe(0);
  });

  it("does not start a program after the deadline, and says so", async () => {
    workshop.gate("gate");
    const limit = pLimit(1);
    const first = workshop.open({ onChange: shell("echo x > begun; read _ < gate") }, { limit });
    first.changed(change);
    await workshop.clock.advance(1000);
    await workshop.until("begun", isWhole);
    const second = workshop.open({ onChange: shell("echo x > late") }, { limit });
    second.changed(change);
    const closed = second.close(10_000);
    await workshop.clock.advance(10_000);
    await workshop.pass("gate");
    await closed;
    expect(workshop.text("late")).toBe("");
    await workshop.logged(/on_change was not started, since kvsync stops/);
    await first.close();
  });

  it("takes no more news", async () => {
    const hooks = workshop.open({ onChange: shell("echo run >> runs") });
    await hooks.close();
    hooks.changed(change);
    await workshop.clock.advance(10_000);
    expect(workshop.text("runs")).toBe("");
  });
});
