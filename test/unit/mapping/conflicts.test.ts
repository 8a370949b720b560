// What is known of conflicts without asking anybody: those that rounds found to wait, and the copies that lie in a folder.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import type { Entry } from "../../../src/core/entry.ts";
import type { Key } from "../../../src/core/key.ts";
import { conflictPath, conflictSidecarPath, decodeConflictPath } from "../../../src/core/names/path-codec.ts";
import { openScratchJournal } from "../../../src/journal/journal.ts";
import { openWaitingConflicts, type WaitingConflicts } from "../../../src/journal/waiting-conflicts.ts";
import { chooseConflict } from "../../../src/mapping/conflicts/choose-conflict.ts";
import { findCopies } from "../../../src/mapping/conflicts/find-copies.ts";
import {
  CONFLICTS_KEPT_MAX,
  decodeVersions,
  newerOf,
  openFoundConflicts,
  rememberConflicts,
} from "../../../src/mapping/conflicts/remember-conflicts.ts";
import { mappingOf } from "../../support/daemon.ts";
import { entryOf } from "../../support/values.ts";

const at = (ms: number): EpochMs => ms as EpochMs;

describe("conflicts that wait", () => {
  let conflicts: WaitingConflicts;
  let waiting: number;

  beforeEach(() => {
    conflicts = openWaitingConflicts(openScratchJournal());
    waiting = 0;
  });

  /** A round that finds these keys in conflict; `keys`: it looked at no others; `untold`: it cannot tell what they are. */
  function round(
    startedAt: number,
    found: readonly (readonly [key: string, local: string, remote: string])[],
    keys?: readonly string[],
    untold: readonly string[] = [],
  ): number {
    const all = openFoundConflicts(new Set(conflicts.list("app").map(({ key }) => key)));
    for (const key of keys ?? []) all.looked(key as Key, !untold.includes(key));
    for (const key of untold) all.looked(key as Key, false);
    for (const [key, local, remote] of found) all.add(key as Key, fileOf(key, local), entryOf(key, remote));
    waiting = rememberConflicts(conflicts, {
      mapping: "app",
      found: all,
      keys: keys as readonly Key[] | undefined,
      startedAt: at(startedAt),
      lookedAt: startedAt > 1000 ? at(startedAt - 1000) : null,
      before: waiting,
    });
    return waiting;
  }

  const fileOf = (key: string, value: string): Entry => ({
    ...entryOf(key, value),
    signature: { size: value.length, mtimeMs: 1500, ctimeMs: 1500, inode: 1 },
  });
  const known = () => conflicts.list("app").map(({ key, since }) => [key, since]);

  it("are since the round that found them first, and over when a round finds them no more", () => {
    expect(round(1000, [["a", "1", "2"]])).toBe(1);
    expect(
      round(2000, [
        ["a", "1", "3"],
        ["b", "1", "2"],
      ]),
    ).toBe(2);
    expect(known()).toEqual([
      ["a", 1000],
      ["b", 2000],
    ]);
    expect(round(3000, [["b", "1", "2"]])).toBe(1);
    expect(known()).toEqual([["b", 2000]]);
    expect(round(4000, [])).toBe(0);
    expect(known()).toEqual([]);
  });

  it("are left as they are by a round over other keys", () => {
    round(1000, [
      ["a", "1", "2"],
      ["b", "1", "2"],
    ]);
    expect(round(2000, [["c", "1", "2"]], ["c"])).toBe(3);
    expect(round(3000, [], ["a", "x"])).toBe(2);
    expect(known()).toEqual([
      ["b", 1000],
      ["c", 2000],
    ]);
  });

  it("wait on while rounds cannot tell what the key is, over all keys or over some", () => {
    round(1000, [
      ["a", "1", "2"],
      ["b", "1", "2"],
    ]);
    expect(round(2000, [], ["a"], ["a"])).toBe(2);
    expect(round(3000, [["b", "1", "2"]], undefined, ["a"])).toBe(2);
    expect(known()).toEqual([
      ["a", 1000],
      ["b", 1000],
    ]);
    expect(round(4000, [["b", "1", "2"]])).toBe(1);
  });

  it("tell which side is newer, where that can be told", () => {
    round(1000, [["a", "1", "2"]]);
    const newer = () => newerOf(decodeVersions(conflicts.list("app")[0]!.versions));
    // The file is of 1500: later than the remote was seen; then the remote changed between two looks, of which one was before.
    expect(newer()).toBe("local");
    round(2000, [["a", "1", "3"]]);
    expect(newer()).toBe(null);
    round(3000, [["a", "1", "3"]]);
    expect(newer()).toBe(null);
    round(9000, [["a", "1", "4"]]);
    expect(newer()).toBe("remote");
  });

  it("are kept up to a bound, and counted beyond it", () => {
    const many = Array.from({ length: CONFLICTS_KEPT_MAX + 5 }, (_, i) => [`k${i}`, "1", "2"] as const);
    expect(round(1000, many)).toBe(CONFLICTS_KEPT_MAX + 5);
    expect(conflicts.list("app")).toHaveLength(CONFLICTS_KEPT_MAX);
    expect(round(2000, [["z", "1", "2"]], ["z"])).toBe(CONFLICTS_KEPT_MAX + 6);
    expect(conflicts.list("app")).toHaveLength(CONFLICTS_KEPT_MAX);
    expect(round(3000, [], ["k1"])).toBe(CONFLICTS_KEPT_MAX + 5);
  });

  it("are of one mapping, and go with it", () => {
    round(1000, [["a", "1", "2"]]);
    expect(conflicts.list("other")).toEqual([]);
    conflicts.clear("app");
    expect(known()).toEqual([]);
  });
});

describe("conflict copies", () => {
  let root: string;
  const made = { at: at(Date.parse("2026-11-29T07:21:19Z")), number: 2 };
  const long = `${"long/".repeat(2)}${"x".repeat(250)}`;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "kvsync-copies-"));
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function write(path: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), "value");
  }

  const find = (copiesMax = 100) =>
    findCopies(mappingOf({ folder: root, exclude: ["left-out/"] }), {
      stateDir: join(root, "state"),
      copiesMax,
      signal: new AbortController().signal,
    });

  it.each(["a.json", "folder/a", "50%meta", long])("are told by their names: of %s", (key) => {
    for (const scheme of ["posix", "portable"] as const) {
      const path = conflictPath(key, scheme, made);
      expect(decodeConflictPath(path, scheme)).toEqual({ key, ...made });
      expect(decodeConflictPath(conflictSidecarPath(key, scheme, made), scheme)).toBeUndefined();
    }
  });

  it.each([
    "a.json",
    "a%meta",
    "a%conflict-20261399T072119Z-1",
    "../a%conflict-20261129T072119Z-1",
    "%conflict-20261129T072119Z-1",
  ])("%s is none", (path) => expect(decodeConflictPath(path, "posix")).toBeUndefined());

  it("are found wherever keys may be, and without their sidecars", async () => {
    const keys = ["a.json", "folder/deep/b", long];
    for (const key of keys) {
      write(conflictPath(key, "posix", made));
      write(conflictSidecarPath(key, "posix", made));
      write(key.slice(0, 100));
    }
    for (const folder of ["left-out", "state", "%tmp-1x"]) write(`${folder}/c%conflict-20261129T072119Z-1`);
    symlinkSync(join(root, "folder"), join(root, "link"));
    symlinkSync(join(root, "a.json"), join(root, "d%conflict-20261129T072119Z-1"));
    const { copies, more } = await find();
    expect(copies.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
    expect(more).toBe(0);
    expect(await find(1)).toMatchObject({ copies: [{}], more: 2 });
  });

  it("are chosen by their path, but none to which a link leads, nor one of another key", async () => {
    const name = "b%conflict-20261129T072119Z-1";
    write(`folder/${name}`);
    symlinkSync(join(root, "folder"), join(root, "link"));
    const choose = (key: string, copy: string) =>
      chooseConflict(
        {
          journal: openScratchJournal(),
          stateDir: join(root, "state"),
          mapping: mappingOf({ folder: root }),
          isWaiting: async () => false,
        },
        { key, copy },
        new AbortController().signal,
      );
    expect(await choose("folder/b", `folder/${name}`)).toMatchObject({ kind: "copy", copy: { key: "folder/b" } });
    for (const [key, path] of [
      ["link/b", `link/${name}`],
      ["b", `folder/${name}`],
      ["b", name],
      ["folder/b", `folder/../folder/${name}`],
    ] as const)
      await expect(choose(key, path)).rejects.toMatchObject({ code: "usage" });
  });

  it("there are none in a folder that is gone", async () => {
    rmSync(root, { recursive: true });
    expect(await find()).toEqual({ copies: [], more: 0 });
  });
});
