// Many new folders at once: all are told, most are watched only when that was looked at, and nothing that happens in them
// meanwhile is missed.

import { appendFileSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../support/fake-clock.ts";
import { Belief, changeAnything } from "./watch-belief.ts";
import { HastyClock } from "./watch-clock.ts";
import { makeFolder, untilFollowed, type Watched, watchTree } from "./watch-fixture.ts";

const FOLDERS = 80;
/** So many are watched as they come; and as many again, if a report comes in between. */
const AT_ONCE = 32;

/** Of a burst of folders `new/d0`..., each with a file, all of which was told, and nothing looked at. */
async function watchBurst(): Promise<{ readonly root: string; readonly watched: Watched; readonly paths: string[] }> {
  const root = makeFolder();
  // In no hurry, so that nothing but a look ends the holding back.
  const watched = await watchTree(root, { clock: new HastyClock(1), quietMs: 20 });
  const paths = makeBurst(root, "new");
  for (const path of paths) await watched.untilTold(path);
  return { root, watched, paths };
}

/** The paths of the files in them. */
function makeBurst(root: string, folder: string): string[] {
  const paths = Array.from({ length: FOLDERS }, (_, i) => `${folder}/d${i}/file`);
  for (const path of paths) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), "x");
  }
  return paths;
}

/** Changes all of the files, until those are told that are told without a look. Returns the others, whose folders are held back. */
async function changeAll(root: string, watched: Watched, paths: readonly string[]): Promise<string[]> {
  const isUntold = (path: string): boolean => !watched.seen.paths.has(path) && !watched.seen.paths.has(folderOf(path));
  let untold: string[] = [];
  while (untold.length < FOLDERS - 2 * AT_ONCE) {
    watched.forget();
    for (const path of paths) appendFileSync(join(root, path), "y");
    writeFileSync(join(root, "sentinel"), `${performance.now()}`);
    await watched.untilPath("sentinel");
    untold = paths.filter(isUntold);
  }
  return untold;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

/** Has all been looked at, whenever anything was told, until `condition` holds. */
async function catchUpUntil(watched: Watched, condition: () => boolean): Promise<void> {
  await watched.until(() => {
    queueMicrotask(() => watched.watcher.caughtUp());
    return condition();
  });
}

function foldersOf(watched: Watched): number | undefined {
  const state = watched.watcher.state();
  return state.kind === "watching" ? state.folders : undefined;
}

describe("many new folders at once", () => {
  it("are told, and told again with what happened in them once that was looked at and they are watched", async () => {
    const { root, watched, paths } = await watchBurst();
    const untold = await changeAll(root, watched, paths);
    expect(foldersOf(watched)).toBeLessThanOrEqual(1 + 2 * AT_ONCE);
    await catchUpUntil(watched, () => untold.every((path) => watched.seen.paths.has(folderOf(path))));
    await watched.until(() => foldersOf(watched) === FOLDERS + 2);
    expect(watched.seen.rescans).toEqual([]);
    await untilFollowed(root, watched, untold.at(-1)!);
  });

  it("are watched after half a minute, whatever takes longer", async () => {
    const root = makeFolder();
    const watched = await watchTree(root, { clock: new HastyClock(100) });
    makeBurst(root, "new");
    await watched.until(() => foldersOf(watched) === FOLDERS + 2);
  });

  it("are told by both names when they are renamed, and as gone, before they are watched", async () => {
    const { root, watched, paths } = await watchBurst();
    const [moved, removed, replaced] = (await changeAll(root, watched, paths)).map(folderOf);
    renameSync(join(root, moved!), join(root, "moved"));
    rmSync(join(root, removed!), { recursive: true });
    rmSync(join(root, replaced!), { recursive: true });
    writeFileSync(join(root, replaced!.slice(0, -1)), "x");
    watched.forget();
    await Promise.all([moved!, removed!, replaced!, "moved/"].map((path) => watched.untilTold(`${path}file`)));
    await catchUpUntil(watched, () => foldersOf(watched) === FOLDERS);
    await untilFollowed(root, watched, "moved/file");
  });

  it("are watched under the name that the folder above them got meanwhile", async () => {
    const { root, watched, paths } = await watchBurst();
    renameSync(join(root, "new"), join(root, "other"));
    for (const path of paths) await watched.untilTold(path.replace("new", "other"));
    await catchUpUntil(watched, () => foldersOf(watched) === FOLDERS + 2);
    await untilFollowed(root, watched, paths.at(-1)!.replace("new", "other"));
  });

  it("are all seen to by a refresh and the look after it", async () => {
    const { root, watched, paths } = await watchBurst();
    await watched.watcher.refresh();
    await catchUpUntil(watched, () => foldersOf(watched) === FOLDERS + 2);
    await untilFollowed(root, watched, paths.at(-1)!);
  });

  it("that are gone again leave nothing behind, and are watched when they come again", async () => {
    const { root, watched, paths } = await watchBurst();
    await catchUpUntil(watched, () => foldersOf(watched) === FOLDERS + 2);
    rmSync(join(root, "new"), { recursive: true });
    await watched.until(() => foldersOf(watched) === 1 && watched.seen.rescans.length > 0);
    expect(watched.seen.rescans).toEqual(["many new folders are gone again"]);
    makeBurst(root, "new");
    await catchUpUntil(watched, () => foldersOf(watched) === FOLDERS + 2);
    await untilFollowed(root, watched, paths.at(-1)!);
  });
});

describe("random changes beside many new folders", () => {
  it.each([1, 2, 3])("lead to what is on disk (seed %i)", async (seed) => {
    const root = makeFolder();
    const random = new FakeClock({ seed });
    const belief = new Belief(root);
    const catchUp = (): void => {
      setImmediate(() => watched.watcher.caughtUp());
    };
    const watched: Watched = await watchTree(root, {
      quietMs: 20,
      maxQuietMs: 100,
      events: {
        onDirty: (paths) => {
          belief.follow(paths);
          catchUp();
        },
        onRescan: () => {
          belief.scan("");
          catchUp();
        },
        onPoll: () => {},
      },
    });
    for (let i = 0; i < 600; i++) {
      changeAnything(root, random);
      if (random.random() < 0.02) makeBurst(root, `burst${Math.floor(random.random() * 3)}`);
      if (random.random() < 0.02) rmSync(join(root, "burst0"), { recursive: true, force: true });
      if (random.random() < 0.2) await new Promise((resolve) => setImmediate(resolve));
    }
    const onDisk = new Belief(root).files;
    const folders = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
    await watched.until(() => isDeepStrictEqual(belief.files, onDisk));
    await watched.watcher.refresh();
    await catchUpUntil(watched, () => foldersOf(watched) === folders.length + 1);
    const expected = new Set(["a folder was replaced", "many new folders are gone again"]);
    expect(watched.seen.rescans.filter((reason) => !expected.has(reason))).toEqual([]);
  });
});
