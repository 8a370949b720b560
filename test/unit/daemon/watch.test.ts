// What the watcher reports of changes in a tree: files, folders that come and go, and what is not part of the tree.

import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tempNameOf } from "../../../src/core/names/temp-name.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { makeFolder, makeFolders, untilFollowed, type Watched, watchTree, withoutPrivileges } from "./watch-fixture.ts";

describe("a file", () => {
  const changes: readonly (readonly [string, readonly string[], (at: (path: string) => string) => void])[] = [
    ["created", ["d/new"], (at) => writeFileSync(at("d/new"), "x")],
    ["created in the root", ["new"], (at) => writeFileSync(at("new"), "x")],
    ["written", ["d/a"], (at) => appendFileSync(at("d/a"), "x")],
    ["truncated", ["d/a"], (at) => writeFileSync(at("d/a"), "")],
    ["touched", ["d/a"], (at) => utimesSync(at("d/a"), 1, 1)],
    ["removed", ["d/a"], (at) => unlinkSync(at("d/a"))],
    ["that is an editor's backup", ["d/a~"], (at) => writeFileSync(at("d/a~"), "x")],
    ["that is an editor's swap file", ["d/.a.swp"], (at) => writeFileSync(at("d/.a.swp"), "x")],
    ["with a name of many bytes", ["d/ü\u{1f600} \n"], (at) => writeFileSync(at("d/ü\u{1f600} \n"), "x")],
  ];
  it.each(changes)("%s is reported", async (_, paths, change) => {
    const { root, watched } = await watchFiles();
    change((path) => join(root, path));
    await Promise.all(paths.map((path) => watched.untilPath(path)));
    expect(watched.seen).toEqual({ paths: new Set(paths), rescans: [], count: 1 });
  });

  it("replaced by a folder is reported, and that one watched", async () => {
    const { root, watched } = await watchFiles();
    unlinkSync(join(root, "d/a"));
    mkdirSync(join(root, "d/a"));
    await watched.untilPath("d/a");
    await watched.untilPath("d/a/");
    await untilFollowed(root, watched, "d/a/file");
    expect(watched.watcher.state()).toMatchObject({ folders: 4 });
  });

  it.each(["e/b", "e/a"])("renamed to %s is reported there at once, and later as gone", async (path) => {
    const { root, watched } = await watchFiles();
    renameSync(join(root, "d/a"), join(root, path));
    await watched.untilPath(path);
    expect(watched.seen).toEqual({ paths: new Set([path]), rescans: [], count: 1 });
    await watched.untilPath("d/a");
    expect(watched.seen).toEqual({ paths: new Set([path, "d/a"]), rescans: [], count: 2 });
  });

  it("taken away and made anew is reported once, as being there", async () => {
    const { root } = await watchFiles();
    const clock = new FakeClock();
    const watched = await watchTree(root, { clock, quietMs: 100, goneMs: 1000 });
    renameSync(join(root, "d/a"), join(root, "d/a~"));
    await clock.advance(1);
    await clock.advance(900);
    expect([...watched.seen.paths]).toEqual(["d/a~"]);
    writeFileSync(join(root, "d/a"), "x");
    await clock.advance(1);
    await clock.advance(2000);
    expect(watched.seen).toEqual({ paths: new Set(["d/a~", "d/a"]), rescans: [], count: 2 });
  });

  it("saved by way of a temporary one is reported after each rename over it", async () => {
    const { root, watched } = await watchFiles();
    for (let i = 0; i < 3; i++) {
      watched.forget();
      writeFileSync(join(root, "d/a.new"), "x");
      renameSync(join(root, "d/a.new"), join(root, "d/a"));
      await watched.untilPath("d/a");
    }
  });

  it("that changes again and again is reported once", async () => {
    const { root, watched } = await watchFiles();
    for (let i = 0; i < 1000; i++) appendFileSync(join(root, "d/a"), "x");
    await watched.untilPath("d/a");
    expect(watched.seen).toEqual({ paths: new Set(["d/a"]), rescans: [], count: 1 });
  });

  it("is reported after the quiet period, which each change begins anew", async () => {
    const { root } = await watchFiles();
    const clock = new FakeClock();
    const watched = await watchTree(root, { clock, quietMs: 100, maxQuietMs: 1000 });
    appendFileSync(join(root, "d/a"), "x");
    await clock.advance(60);
    appendFileSync(join(root, "d/a"), "x");
    await clock.advance(99);
    expect(watched.seen.count).toBe(0);
    await clock.advance(1);
    expect(watched.seen).toEqual({ paths: new Set(["d/a"]), rescans: [], count: 1 });
    expect(clock.sleeping).toBe(1);
    await watched.watcher.close();
    expect(clock.sleeping).toBe(0);
  });

  it("that never stops to change is reported nevertheless", async () => {
    const { root, watched } = await watchFiles();
    while (watched.seen.count < 3) {
      appendFileSync(join(root, "d/a"), "x");
      await new Promise((resolve) => setImmediate(resolve));
    }
  });

  it("that kvsync is writing itself is not reported before it has its name", async () => {
    const [written, probe] = [tempNameOf("abc1"), tempNameOf("probe1")];
    const { root, watched } = await watchFiles();
    writeFileSync(join(root, "d", written), "x");
    mkdirSync(join(root, probe));
    writeFileSync(join(root, probe, "x"), "x");
    renameSync(join(root, "d", written), join(root, "d/b"));
    await watched.untilPath("d/b");
    expect(watched.seen.paths).toEqual(new Set(["d/b"]));
    expect(watched.watcher.state()).toMatchObject({ folders: 3 });
  });
});

describe("a folder", () => {
  it("that is made with all that is in it is reported as one, and watched at every depth", async () => {
    const { root, watched } = await watchFiles();
    makeFolders(root, ["n/o/p/q"]);
    writeFileSync(join(root, "n/o/p/q/file"), "x");
    await watched.untilPath("n/");
    await watched.until(() => foldersOf(watched) === 7);
    expect([...watched.seen.paths].filter((path) => path !== "n" && !path.startsWith("n/"))).toEqual([]);
    await untilFollowed(root, watched, "n/o/p/q/file");
    await untilFollowed(root, watched, "n/o/later");
  });

  it("that is removed is reported as one, and no longer watched", async () => {
    const { root, watched } = await watchFiles();
    rmSync(join(root, "d"), { recursive: true });
    await watched.untilPath("d/");
    await watched.until(() => foldersOf(watched) === 2);
    expect(watched.seen.paths).toEqual(new Set(["d", "d/"]));
  });

  it("that is renamed is reported at both places, and watched at the new one", async () => {
    const { root, watched } = await watchFiles();
    makeFolders(root, ["d/in/ner"]);
    await watched.untilPath("d/in/");
    renameSync(join(root, "d"), join(root, "moved"));
    await watched.untilPath("d/");
    await watched.untilPath("moved/");
    await untilFollowed(root, watched, "moved/in/ner/file");
    expect(watched.watcher.state()).toMatchObject({ folders: 5 });
  });

  it("that leaves the tree is no longer watched", async () => {
    const { root, watched } = await watchFiles();
    const outside = makeFolder();
    renameSync(join(root, "d"), join(outside, "d"));
    await watched.untilPath("d/");
    writeFileSync(join(outside, "d/a"), "y");
    await sentinel(root, watched);
    expect(watched.seen.paths).toEqual(new Set(["d", "d/", "sentinel"]));
  });

  it("that is removed and made anew under its name is still watched", async () => {
    const { root, watched } = await watchFiles();
    for (let i = 0; i < 5; i++) {
      watched.forget();
      rmSync(join(root, "d"), { recursive: true });
      mkdirSync(join(root, "d"));
      await watched.untilTold("d/any");
      await untilFollowed(root, watched, "d/file");
    }
  });

  it("whose place another one takes is watched there", async () => {
    const { root, watched } = await watchFiles();
    renameSync(join(root, "d"), join(root, "was-d"));
    renameSync(join(root, "e"), join(root, "d"));
    await watched.untilPath("d/");
    await watched.untilPath("e/");
    await untilFollowed(root, watched, "d/file");
    await untilFollowed(root, watched, "was-d/file");
  });

  it("that holds a file of its own name is still watched after that came", async () => {
    const { root, watched } = await watchFiles();
    // The kernel tells of both by the same name.
    writeFileSync(join(root, "d/d"), "x");
    await watched.untilPath("d/d");
    unlinkSync(join(root, "d/d"));
    watched.forget();
    appendFileSync(join(root, "d/a"), "x");
    await watched.untilPath("d/a");
    expect(watched.watcher.state()).toMatchObject({ folders: 3 });
    expect(watched.seen.rescans).toEqual([]);
  });

  it("that is removed and made anew around a name that is its own is still watched", async () => {
    const { root, watched } = await watchFiles();
    for (let i = 0; i < 5; i++) {
      watched.forget();
      rmSync(join(root, "d"), { recursive: true });
      makeFolders(root, ["d/d"]);
      await watched.untilTold("d/d/any");
      await untilFollowed(root, watched, "d/file");
      await untilFollowed(root, watched, "d/d/file");
    }
  });

  it("whose name has a backslash is watched", async () => {
    const root = makeFolder();
    makeFolders(root, ["a\\b"]);
    const watched = await watchTree(root);
    makeFolders(root, ["c\\d"]);
    await watched.untilPath("c\\d/");
    await untilFollowed(root, watched, "a\\b/file");
    await untilFollowed(root, watched, "c\\d/file");
    expect(watched.watcher.state()).toMatchObject({ folders: 3 });
  });

  it("beside a symbolic link that leads through a file is watched", async () => {
    const root = makeFolder();
    writeFileSync(join(root, "file"), "x");
    symlinkSync("file/x", join(root, "link"));
    makeFolders(root, ["a/in", "z/in"]);
    const watched = await watchTree(root);
    await watched.until(() => foldersOf(watched) === 5);
    await untilFollowed(root, watched, "a/in/file");
    await untilFollowed(root, watched, "z/in/file");
  });

  it("that this user may not open is reported, and again once it may be opened", async () => {
    const root = makeFolder();
    makeFolders(root, ["d", "e"]);
    chmodSync(root, 0o777);
    const watched = await watchTree(root);
    withoutPrivileges();
    mkdirSync(join(root, "locked"), { mode: 0 });
    await watched.until(({ rescans }) => rescans.length > 0);
    expect(watched.seen.rescans).toEqual([expect.stringMatching(/^the folder .*\/locked cannot be watched: EACCES/)]);
    expect(watched.watcher.state()).toMatchObject({ kind: "watching", folders: 3, unreadable: 1 });
    watched.forget();
    chmodSync(join(root, "locked"), 0o755);
    await watched.until(({ rescans }) => rescans.length > 0);
    await untilFollowed(root, watched, "locked/file");
    expect(watched.watcher.state()).toMatchObject({ kind: "watching", folders: 4, unreadable: 0 });
  });
});

describe("what is not part of the tree", () => {
  it("behind a symbolic link is not watched", async () => {
    const { root, watched } = await watchFiles();
    const outside = makeFolder();
    symlinkSync(outside, join(root, "link"));
    await watched.untilPath("link");
    writeFileSync(join(outside, "file"), "x");
    writeFileSync(join(root, "link/other"), "x");
    await sentinel(root, watched);
    expect(watched.seen.paths).toEqual(new Set(["link", "sentinel"]));
    expect(watched.watcher.state()).toMatchObject({ folders: 3 });
  });

  it("is not watched when a symbolic link takes the place of a folder", async () => {
    const { root, watched } = await watchFiles();
    const outside = makeFolder();
    makeFolders(outside, ["deep"]);
    rmSync(join(root, "d"), { recursive: true });
    symlinkSync(outside, join(root, "d"));
    await watched.untilTold("d/a");
    await watched.until(() => foldersOf(watched) === 2);
    writeFileSync(join(outside, "deep/file"), "x");
    await untilFollowed(root, watched, "e/file");
    expect([...watched.seen.paths].filter((path) => path.startsWith("d/deep"))).toEqual([]);
  });

  it.each(["absolute", "from the root", "by way of a symbolic link"])(
    "is ignored if its path is given %s",
    async (how) => {
      const root = makeFolder();
      makeFolders(root, ["state/deep", "d"]);
      const link = join(makeFolder(), "link");
      symlinkSync(root, link);
      const paths: Record<string, string> = { absolute: join(root, "state"), "from the root": "state" };
      const watched = await watchTree(root, { ignorePaths: [paths[how] ?? join(link, "state")] });
      writeFileSync(join(root, "state/journal"), "x");
      writeFileSync(join(root, "state/deep/journal"), "x");
      rmSync(join(root, "state"), { recursive: true });
      makeFolders(root, ["state"]);
      await sentinel(root, watched);
      expect(watched.seen.paths).toEqual(new Set(["sentinel"]));
      expect(watched.watcher.state()).toMatchObject({ folders: 2 });
    },
  );

  it("is not watched where filters hide it", async () => {
    const root = makeFolder();
    makeFolders(root, ["d/node_modules/x", "e"]);
    const watched = await watchTree(root, { isFolderIgnored: (path) => path.endsWith("node_modules") });
    makeFolders(root, ["e/node_modules/y"]);
    writeFileSync(join(root, "d/node_modules/x/file"), "x");
    await sentinel(root, watched);
    expect(watched.seen.paths).toEqual(new Set(["e/node_modules", "sentinel"]));
    expect(watched.watcher.state()).toMatchObject({ folders: 3 });
  });
});

/** A tree of `d/a`, `e/a` and the folders they are in. */
async function watchFiles(): Promise<{ readonly root: string; readonly watched: Watched }> {
  const root = makeFolder();
  makeFolders(root, ["d", "e"]);
  writeFileSync(join(root, "d/a"), "a");
  writeFileSync(join(root, "e/a"), "a");
  return { root, watched: await watchTree(root) };
}

function foldersOf(watched: Watched): number | undefined {
  const state = watched.watcher.state();
  return state.kind === "watching" ? state.folders : undefined;
}

/** When it is reported, so is all that happened before. */
async function sentinel(root: string, watched: Watched): Promise<void> {
  writeFileSync(join(root, "sentinel"), "x");
  await watched.untilPath("sentinel");
}
