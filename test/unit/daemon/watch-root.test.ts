// The root of a watched tree: missing, removed, replaced, back again; and what closing leaves behind.

import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { makeFolder, makeFolders, type Watched, watchTree, withoutPrivileges } from "./watch-fixture.ts";
import { countHandles } from "./watch-handles.ts";

describe("the root", () => {
  it("may be missing at first: then it is waited for", async () => {
    const root = join(makeFolder(), "root");
    const watched = await watchTree(root);
    expect(watched.watcher.state()).toEqual({
      kind: "polling",
      everyMs: 2000,
      reason: `the folder ${root} cannot be used: ENOENT: no such file or directory`,
      hint: expect.stringContaining("create it"),
    });
    makeFolders(root, ["d"]);
    await watched.until(({ rescans }) => rescans.includes("the root is back"));
    await isWatched(root, watched, 2);
  });

  it("may be a file at first", async () => {
    const root = join(makeFolder(), "root");
    writeFileSync(root, "x");
    const watched = await watchTree(root);
    expect(watched.watcher.state()).toMatchObject({
      kind: "polling",
      reason: expect.stringContaining("cannot be used"),
    });
    unlinkSync(root);
    makeFolders(root, ["d"]);
    await watched.until(({ rescans }) => rescans.includes("the root is back"));
    await isWatched(root, watched, 2);
  });

  it.each([
    ["removed", (root: string) => rmSync(root, { recursive: true })],
    ["renamed", (root: string) => renameSync(root, `${root}-elsewhere`)],
  ])("that is %s is reported, and waited for", async (_, remove) => {
    const { root, watched } = await watchRoot();
    remove(root);
    await watched.until(({ rescans }) => rescans.length > 0);
    expect(watched.seen.rescans).toEqual([`the folder ${root} cannot be used: ENOENT: no such file or directory`]);
    expect(watched.watcher.state()).toMatchObject({ kind: "polling" });
    expect(countHandles().watches).toBe(0);
    makeFolders(root, ["d"]);
    await watched.until(({ rescans }) => rescans.includes("the root is back"));
    await isWatched(root, watched, 2);
  });

  it("that is removed and made anew at once is reported, though it may have its old inode", async () => {
    const { root, watched } = await watchRoot();
    for (let i = 0; i < 5; i++) {
      watched.forget();
      rmSync(root, { recursive: true });
      makeFolders(root, ["d"]);
      await watched.until(({ rescans }) => rescans.length > 0);
      // The folder in it may be seen first.
      const reasons = ["the root was replaced", "the root changed", "a folder was replaced"];
      expect(reasons).toContain(watched.seen.rescans[0]);
      await isWatched(root, watched, 2);
    }
  });

  it("that holds a file of its own name is not rescanned each time that is saved", async () => {
    const { root, watched } = await watchRoot();
    writeFileSync(join(root, "d/new"), "x");
    renameSync(join(root, "d/new"), join(root, "root"));
    await watched.untilPath("root");
    expect(watched.seen.rescans).toEqual([]);
    unlinkSync(join(root, "root"));
    await isWatched(root, watched, 2);
    expect(watched.seen.rescans).toEqual([]);
  });

  it("may have a backslash in its path", async () => {
    const root = join(makeFolder(), "ro\\ot");
    makeFolders(root, ["d"]);
    await isWatched(root, await watchTree(root), 2);
  });

  it("is polled when the environment asks chokidar for it, and says so", async () => {
    vi.stubEnv("CHOKIDAR_USEPOLLING", "1");
    onTestFinished(() => void vi.unstubAllEnvs());
    const { watched } = await watchRoot();
    expect(watched.watcher.state()).toEqual({
      kind: "polling",
      everyMs: 1000,
      reason: "the environment variable CHOKIDAR_USEPOLLING asks for it",
      hint: expect.stringContaining("unset CHOKIDAR_USEPOLLING"),
    });
    await watched.until(({ polls }) => polls > 0);
  });

  it("that may not be read is polled", async () => {
    const { root, watched } = await watchRoot();
    await watched.watcher.close();
    chmodSync(dirname(root), 0o755);
    chmodSync(root, 0o311);
    // So that it can be removed, by a user who is not root, too.
    onTestFinished(() => chmodSync(root, 0o755));
    withoutPrivileges();
    const again = await watchTree(root);
    expect(again.watcher.state()).toEqual({
      kind: "polling",
      everyMs: 1000,
      reason: `the folder ${root} cannot be watched: EACCES: permission denied`,
      hint: "let this user read it; kvsync tries again every 10m",
    });
    await again.until(({ polls }) => polls > 0);
  });

  it("in whose place another one is put is reported, and that one watched", async () => {
    const { root, watched } = await watchRoot();
    makeFolders(`${root}-new`, ["d", "e"]);
    renameSync(root, `${root}-old`);
    renameSync(`${root}-new`, root);
    await watched.until(({ rescans }) => rescans.length > 0);
    expect(watched.seen.rescans).toEqual(["the root was replaced"]);
    await isWatched(root, watched, 3);
  });

  it("that is a symbolic link to another folder now is reported, though nothing tells of it", async () => {
    const { root, watched } = await watchRoot();
    const link = `${root}-link`;
    symlinkSync(root, link);
    const byLink = await watchTree(link);
    await isWatched(link, byLink, 2);
    makeFolders(`${root}-new`, ["d", "e"]);
    unlinkSync(link);
    symlinkSync(`${root}-new`, link);
    await byLink.until(({ rescans }) => rescans.length > 0);
    expect(byLink.seen.rescans).toEqual(["the root was replaced"]);
    await isWatched(link, byLink, 3);
    await isWatched(root, watched, 2);
  });
});

describe("refresh", () => {
  it("watches all folders anew, and nothing is reported for it", async () => {
    const { root, watched } = await watchRoot();
    await watched.watcher.refresh();
    await isWatched(root, watched, 2);
    expect(watched.seen.rescans).toEqual([]);
    expect(countHandles().watches).toBe(2);
  });

  it("ends when the watcher is closed meanwhile, and after that does nothing", async () => {
    const { watched } = await watchRoot();
    const refreshed = watched.watcher.refresh();
    await Promise.all([watched.watcher.close(), refreshed]);
    await watched.watcher.refresh();
    expect(countHandles().watches).toBe(0);
  });
});

describe("close", () => {
  it("releases every watch, descriptor and timer", async () => {
    const { root, watched } = await watchRoot();
    await watched.watcher.close();
    const before = countHandles();
    expect(before.watches).toBe(0);
    for (let i = 0; i < 300; i++) mkdirSync(join(root, `d/${i}`));
    for (let i = 0; i < 10; i++) {
      const again = await watchTree(root);
      expect(countHandles().watches).toBe(302);
      rmSync(join(root, `d/${i}`), { recursive: true });
      if (i % 2 === 0) await again.untilPath(`d/${i}/`);
      await again.watcher.close();
      expect(again.clock.sleeping).toBe(0);
      makeFolders(root, [`d/${i}`]);
    }
    expect(countHandles()).toEqual(before);
  });

  it("is the end of all reports, and may be called again", async () => {
    const { root, watched } = await watchRoot();
    writeFileSync(join(root, "d/file"), "x");
    await new Promise((resolve) => setImmediate(resolve));
    await watched.watcher.close();
    await watched.watcher.close();
    writeFileSync(join(root, "d/file"), "y");
    rmSync(root, { recursive: true });
    await watched.clock.sleep(5000);
    expect(watched.seen.count).toBe(0);
  });

  it("is the end whatever the watcher is about to do", async () => {
    const { root, watched } = await watchRoot();
    await watched.watcher.close();
    for (let turns = 0; turns < 30; turns++) {
      const again = await watchTree(root, { quietMs: 0 });
      renameSync(root, `${root}-${turns}`);
      makeFolders(root, ["d"]);
      await pass(turns);
      const { count } = again.seen;
      await again.watcher.close();
      await pass(10);
      expect({ turns, count: again.seen.count }).toEqual({ turns, count });
      expect({ turns, watches: countHandles().watches }).toEqual({ turns, watches: 0 });
    }
  });

  it("is the end whatever happens in the tree meanwhile", async () => {
    const { root, watched } = await watchRoot();
    await watched.watcher.close();
    // So many that they are not all closed in one turn.
    for (let i = 0; i < 1000; i++) mkdirSync(join(root, `d/${i}`));
    const again = await watchTree(root);
    const closing = again.watcher.close();
    for (let i = 0; i < 10; i++) {
      renameSync(join(root, `d/${i}`), join(root, `d/new${i}`));
      makeFolders(root, [`new${i}/inner`]);
      await pass(1);
    }
    await closing;
    await pass(10);
    expect(again.seen.count).toBe(0);
    expect(again.watcher.state()).toMatchObject({ folders: 0 });
    expect(countHandles().watches).toBe(0);
  });

  it("also ends a watcher that waits for its root", async () => {
    const watched = await watchTree(join(makeFolder(), "root"));
    await watched.watcher.close();
    expect(watched.clock.sleeping).toBe(0);
  });
});

async function pass(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function watchRoot(): Promise<{ readonly root: string; readonly watched: Watched }> {
  const root = join(makeFolder(), "root");
  makeFolders(root, ["d"]);
  return { root, watched: await watchTree(root) };
}

async function isWatched(root: string, watched: Watched, folders: number): Promise<void> {
  expect(watched.watcher.state()).toEqual({ kind: "watching", folders, unreadable: 0, alsoPolling: undefined });
  writeFileSync(join(root, "d/file"), "x");
  await watched.untilPath("d/file");
}
