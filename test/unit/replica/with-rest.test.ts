// A tree whose files are still being written, on real files: what is listed, looked up and read of them, and what is waited for.

import { appendFileSync, chmodSync, statSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BaseRow, Entry } from "../../../src/core/entry.ts";
import type { Key } from "../../../src/core/key.ts";
import type { Problem } from "../../../src/core/problem.ts";
import { MovingFiles } from "../../../src/replica/moving-files.ts";
import type { Replica, Unknown } from "../../../src/replica/replica.ts";
import { type RestWait, withRest } from "../../../src/replica/with-rest.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { TreeFixture } from "../../support/tree-fixture.ts";
import { collect, pagesOf } from "../../support/values.ts";

const policy = { stableAfterMs: 300, stableMaxMs: 60_000 };
let fixture: TreeFixture;
let clock: FakeClock;
let moving: MovingFiles;
let rows: Pick<BaseRow, "key" | "size" | "signature">[];

beforeEach(() => {
  fixture = new TreeFixture();
  rows = [];
});
afterEach(() => fixture.close());

/** The tree as a round sees it that begins when the last file was just written. */
function open(wait?: RestWait): Replica {
  return withRest(fixture.tree, { clock, policy, moving, wait, known: () => rows as BaseRow[] });
}

/** Time stands still from now on, but for the clock. */
function stop(): void {
  clock = new FakeClock({ now: Date.now() });
  moving = new MovingFiles(clock);
}

async function list(tree: Replica): Promise<{ keys: string[]; problems: Problem[]; unknown: Unknown[] }> {
  const problems: Problem[] = [];
  const unknown: Unknown[] = [];
  const told = { onProblem: (p: Problem) => problems.push(p), onUnknown: (u: Unknown) => unknown.push(u) };
  const keys = (await collect(tree.list(told))).map(({ key }) => key as string);
  return { keys, problems, unknown };
}

/** Writes to `name`, so that its times say so: within a tick of the last write they would not. */
function append(name: string): void {
  const { mtimeMs } = statSync(fixture.path(name));
  while (statSync(fixture.path(name)).mtimeMs === mtimeMs) appendFileSync(fixture.path(name), "+");
}

describe("a file that was just written", () => {
  test("is told as unknown, with a notice, and does not hold up others", async () => {
    fixture.file("b");
    fixture.file("a");
    fixture.file("c");
    chmodSync(fixture.path("a"), 0o600);
    while (statSync(fixture.path("a")).ctimeMs - statSync(fixture.path("a")).mtimeMs < 1)
      chmodSync(fixture.path("a"), 0o600);
    // As one that was renamed over another.
    const other = { size: 1, mtimeMs: 1, ctimeMs: 1, inode: 1 };
    rows = [{ key: "a" as Key, size: 1, signature: other }];
    stop();
    const { keys, problems, unknown } = await list(open());
    expect(keys).toEqual(["a"]);
    expect(unknown).toEqual([{ key: "b" }, { key: "c" }]);
    expect(problems.map(({ code, subject, failure }) => [code, subject, failure])).toEqual([
      ["still-written", "b", false],
      ["still-written", "c", false],
    ]);
    expect(problems[0]?.message).toBe("is still being written: it waits until it has not changed for 300ms");
  });

  test("costs no look into the base once it is older than its rest", async () => {
    fixture.file("a");
    stop();
    const asked: Key[] = [];
    const known = (keys: readonly Key[]): BaseRow[] => {
      asked.push(...keys);
      return [];
    };
    await clock.advance(310);
    expect((await list(withRest(fixture.tree, { clock, policy, moving, known }))).keys).toEqual(["a"]);
    expect(asked).toEqual([]);
  });

  test("is due when it may be at rest, and then is listed", async () => {
    fixture.file("a");
    stop();
    expect((await list(open())).keys).toEqual([]);
    const [resting] = moving.resting();
    expect(resting?.dueAt).toBeGreaterThan(200);
    expect(resting?.dueAt).toBeLessThanOrEqual(320);
    await clock.advance(320);
    expect((await list(open())).keys).toEqual(["a"]);
    expect(moving.resting()).toEqual([]);
  });

  test("is looked up by its name as it is listed", async () => {
    fixture.file("a");
    stop();
    const options = { onProblem: () => {} };
    expect(await open().lookup!(["a" as Key], options)).toEqual([]);
    await clock.advance(320);
    expect(await open().lookup!(["a" as Key], options)).toHaveLength(1);
  });

  test("is let pass as it is when it has moved for stable_max, and once in that time", async () => {
    fixture.file("log");
    stop();
    const seen: number[] = [];
    for (let at = 0; at < 150_000; at += 1000) {
      append("log");
      // The times of files are real, and this clock's are not.
      clock.jump(Date.now() - clock.now());
      const { keys } = await list(open());
      if (keys.length > 0) seen.push(at);
      if (keys.length > 0) moving.carried("log" as Key);
      await clock.advance(1000);
    }
    expect(seen).toEqual([60_000, 120_000]);
  });
});

describe("a file that is empty, and held something,", () => {
  test("waits for who is about to write it", async () => {
    fixture.file("a", "");
    rows = [{ key: "a" as Key, size: 20, signature: undefined }];
    stop();
    expect((await list(open())).keys).toEqual([]);
    await clock.advance(4500);
    expect((await list(open())).keys).toEqual([]);
    await clock.advance(600);
    expect((await list(open())).keys).toEqual(["a"]);
  });
});

describe("a run that waits", () => {
  test("waits once for all files", async () => {
    for (const name of ["a", "b", "sub/c"]) fixture.file(name);
    stop();
    const wait: RestWait = { after: "let-pass" };
    const listed = list(open(wait));
    await clock.advance(310);
    expect((await listed).keys).toEqual(["a", "b", "sub/c"]);
    expect(wait.leftMs).toBeGreaterThanOrEqual(policy.stableMaxMs - 310);
  });

  test("tells of a file that it waits for for a second, and takes it as it is in the end", async () => {
    fixture.file("app.log");
    stop();
    const told: string[] = [];
    const wait: RestWait = { after: "let-pass", onLong: (key, others) => told.push(`${key} ${others}`) };
    const listed = list(open(wait));
    for (let i = 0; i < 320; i++) {
      append("app.log");
      clock.jump(Date.now() - clock.now());
      await clock.advance(200);
    }
    expect((await listed).keys).toEqual(["app.log"]);
    expect(told).toEqual(["app.log 0"]);
  });

  test("leaves out what is not at rest in time, if it is to", async () => {
    fixture.file("a", "");
    fixture.file("b");
    rows = [{ key: "a" as Key, size: 20, signature: undefined }];
    stop();
    const listed = list(open({ leftMs: 2000, after: "leave-out" }));
    await clock.advance(320);
    const { keys, unknown } = await listed;
    expect(keys).toEqual(["b"]);
    expect(unknown).toEqual([{ key: "a" }]);
  });

  test("takes nothing that moves when its time is over, if it is to leave it out", async () => {
    fixture.file("app.log");
    stop();
    const wait: RestWait = { leftMs: 2000, after: "leave-out" };
    const listed = list(open(wait));
    for (let i = 0; i < 30; i++) {
      append("app.log");
      clock.jump(Date.now() - clock.now());
      await clock.advance(99);
    }
    expect((await listed).keys).toEqual([]);
    expect(wait.leftMs).toBeLessThanOrEqual(policy.stableAfterMs);
  });

  test("whose time is used up waits once more for a file that was saved a moment ago, and fails what moves on", async () => {
    fixture.file("saved");
    stop();
    const saved = list(open({ leftMs: 0, after: "let-pass" }));
    await clock.advance(policy.stableAfterMs + 20);
    expect((await saved).keys).toEqual(["saved"]);
    append("saved");
    clock.jump(Date.now() - clock.now());
    const moving = list(open({ leftMs: 0, after: "let-pass" }));
    await clock.advance(policy.stableAfterMs - 50);
    append("saved");
    clock.jump(Date.now() - clock.now());
    await clock.advance(100);
    expect(await moving).toMatchObject({ keys: [], unknown: [{ key: "saved" }] });
  });

  test("ends its wait at once when it is stopped", async () => {
    fixture.file("a");
    stop();
    const stopped = new AbortController();
    const tree = open({ after: "let-pass" });
    const listed = collect(tree.list({ onProblem: () => {}, signal: stopped.signal }));
    await clock.advance(1);
    stopped.abort(new Error("stopped"));
    await expect(listed).rejects.toThrow("stopped");
    expect(clock.sleeping).toBe(0);
  });
});

describe("a file that was at rest when it was listed", () => {
  async function readAfter(change: () => void, wait?: RestWait): Promise<unknown> {
    fixture.file("a", "whole");
    const entry = await fixture.entry("a");
    change();
    stop();
    const tree = open(wait);
    const [outcome] = await collect(tree.read(pagesOf<Entry>([entry])));
    return outcome?.kind === "problem" ? [outcome.problem.code, outcome.problem.failure] : outcome?.kind;
  }

  test("is read as it is", async () => {
    expect(await readAfter(() => {})).toBe("value");
  });

  test("is no value if it was truncated since", async () => {
    expect(await readAfter(() => writeFileSync(fixture.path("a"), ""))).toEqual(["still-written", false]);
    expect(moving.resting().map(({ key }) => key)).toEqual(["a"]);
  });

  test("fails in a run that does not come back to it", async () => {
    expect(await readAfter(() => append("a"), { after: "let-pass" })).toEqual(["changed-while-reading", true]);
  });
});

describe("the files that move", () => {
  test("are forgotten when they are gone", async () => {
    fixture.file("a");
    stop();
    await list(open());
    await clock.advance(10);
    moving.roundEnded(clock.monotonic(), ["other" as Key]);
    expect(moving.resting()).toHaveLength(1);
    moving.roundEnded(clock.monotonic());
    expect(moving.resting()).toEqual([]);
  });

  test("are known to move for as long as they do, though one look found them at rest", async () => {
    fixture.file("a");
    stop();
    await list(open());
    const since = moving.resting()[0]?.since;
    await clock.advance(320);
    const began = clock.monotonic();
    const tree = open();
    const [entry] = await collect(tree.list({ onProblem: () => {} }));
    append("a");
    clock.jump(Date.now() - clock.now());
    const [outcome] = await collect(tree.read(pagesOf([entry!])));
    expect(outcome?.kind).toBe("problem");
    moving.roundEnded(began);
    expect(moving.resting()).toMatchObject([{ key: "a", since }]);
  });

  test("are bounded: those for which there is no room are told as what may do better later", async () => {
    for (const name of ["a", "b", "c"]) fixture.file(name);
    stop();
    moving = new MovingFiles(clock, 2);
    const { problems, unknown } = await list(open());
    expect(unknown).toHaveLength(3);
    expect(problems.map(({ code, failure }) => [code, failure])).toEqual([
      ["still-written", false],
      ["still-written", false],
      ["changed-while-reading", false],
    ]);
    expect(moving.resting().map(({ key }) => key)).toEqual(["a", "b"]);
  });
});
