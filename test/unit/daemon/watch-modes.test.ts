// The ways to learn of changes that a person may ask for: by events alone, by polls alone, or not at all.

import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openNoWatcher } from "../../../src/daemon/watch/open-watcher.ts";
import { makeFolder, makeFolders, watchTree } from "./watch-fixture.ts";
import { countHandles } from "./watch-handles.ts";

it("polling calls for a look at each interval, watches nothing, and says who asked for it", async () => {
  const root = makeFolder();
  makeFolders(root, ["d"]);
  const before = countHandles().watches;
  const watched = await watchTree(root, { mode: "polling" });
  expect(watched.watcher.state()).toEqual({
    kind: "polling",
    everyMs: 1000,
    reason: "watch: polling asks for it",
    hint: undefined,
  });
  const began = watched.clock.monotonic();
  await watched.until(({ polls }) => polls >= 3);
  expect(watched.clock.monotonic() - began).toBeGreaterThanOrEqual(1500);
  expect(countHandles().watches).toBe(before);
  expect(watched.seen.rescans).toEqual([]);
});

it("polling tells of a root that is gone once, calls for no look at it, and tells of its return", async () => {
  const root = join(makeFolder(), "root");
  makeFolders(root, ["d"]);
  const watched = await watchTree(root, { mode: "polling" });
  renameSync(root, `${root}-away`);
  await watched.until(({ rescans }) => rescans.length > 0);
  const polls = watched.polls();
  expect(watched.watcher.state()).toMatchObject({ kind: "polling", reason: expect.stringContaining("cannot be used") });
  await watched.clock.sleep(5000);
  expect(watched.polls()).toBe(polls);
  renameSync(`${root}-away`, root);
  await watched.until(({ rescans }) => rescans.includes("the root is back"));
  await watched.until((seen) => seen.polls > polls);
  expect(watched.seen.rescans).toHaveLength(2);
  makeFolders(`${root}-new`, ["e"]);
  rmSync(root, { recursive: true });
  renameSync(`${root}-new`, root);
  await watched.until(({ rescans }) => rescans.length > 2);
});

it("native watches, and never calls for a look", async () => {
  const root = makeFolder();
  makeFolders(root, ["d"]);
  const watched = await watchTree(root, { mode: "native" });
  expect(watched.watcher.state()).toEqual({ kind: "watching", folders: 2, unreadable: 0, alsoPolling: undefined });
  writeFileSync(join(root, "d/a"), "x");
  await watched.untilPath("d/a");
  await watched.clock.sleep(3000);
  expect(watched.polls()).toBe(0);
});

it("off does nothing, and says when changes are seen", async () => {
  const watcher = openNoWatcher(60_000);
  expect(watcher.state()).toEqual({ kind: "off", everyMs: 60_000 });
  await watcher.refresh();
  await watcher.close();
});
