// Bursts and random changes: whatever happens, the reports lead to what is on disk.

import { readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../support/fake-clock.ts";
import { Belief, changeAnything } from "./watch-belief.ts";
import { makeFolder, makeFolders, untilFollowed, watchTree } from "./watch-fixture.ts";

/** More events than the kernel keeps, while nobody reads them. No two that follow each other may be of one file: they
 * would be one event. */
function floodQueue(folder: string): void {
  for (let i = 0; i < 12_000; i++) {
    utimesSync(join(folder, "one"), i, i);
    utimesSync(join(folder, "two"), i, i);
  }
}

function makeNoise(root: string): void {
  makeFolders(root, ["noise"]);
  writeFileSync(join(root, "noise/one"), "x");
  writeFileSync(join(root, "noise/two"), "x");
}

describe("a burst", () => {
  it("that the kernel drops events of is followed by a rescan, and by watches on what it hid", async () => {
    const root = makeFolder();
    makeNoise(root);
    const watched = await watchTree(root);
    floodQueue(join(root, "noise"));
    makeFolders(root, ["hidden/deep"]);
    await watched.until(({ rescans }) => rescans.length > 0);
    expect(watched.seen.rescans).toEqual(["more changed at once than the system tells of"]);
    await untilFollowed(root, watched, "hidden/deep/file");
  });

  it("in one tree is followed by a rescan of the others, whose events are dropped as well", async () => {
    const noisy = makeFolder();
    makeNoise(noisy);
    const quiet = makeFolder();
    await watchTree(noisy);
    const watched = await watchTree(quiet);
    floodQueue(join(noisy, "noise"));
    writeFileSync(join(quiet, "file"), "x");
    await watched.until(({ rescans }) => rescans.length > 0);
    watched.forget();
    writeFileSync(join(quiet, "file"), "y");
    await watched.untilTold("file");
  });
});

function watching(folders: number): unknown {
  return { kind: "watching", folders, unreadable: 0, alsoPolling: undefined };
}

describe("random changes", () => {
  it.each([1, 2, 3, 4, 5, 6])("lead to what is on disk (seed %i)", async (seed) => {
    const root = makeFolder();
    const random = new FakeClock({ seed });
    const belief = new Belief(root);
    const watched = await watchTree(root, {
      quietMs: 20,
      maxQuietMs: 100,
      pollIntervalMs: 1000,
      events: { onDirty: (paths) => belief.follow(paths), onRescan: () => belief.scan(""), onPoll: () => {} },
    });
    for (let i = 0; i < 1500; i++) {
      changeAnything(root, random);
      if (random.random() < 0.2) await new Promise((resolve) => setImmediate(resolve));
    }
    const onDisk = new Belief(root).files;
    const folders = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
    const state = (): unknown => watched.watcher.state();
    await watched.until(() => isDeepStrictEqual(belief.files, onDisk));
    await watched.watcher.refresh();
    await watched.until(() => isDeepStrictEqual(state(), watching(folders.length + 1)));
    expect(watched.seen.rescans.filter((reason) => reason !== "a folder was replaced")).toEqual([]);
  });
});
