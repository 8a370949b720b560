// From the paths that a watcher reports to the keys that are to be looked at.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tempNameOf } from "../../../src/core/names/temp-name.ts";
import { DIRTY_KEYS_MAX, type DirtyKeys, findDirtyKeys } from "../../../src/mapping/dirty-keys.ts";
import { openDirtyPaths } from "../../../src/daemon/loop/dirty-paths.ts";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import { openBase } from "../../../src/journal/base.ts";
import { openScratchJournal } from "../../../src/journal/journal.ts";
import type { BaseStore } from "../../../src/engine/ports.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { keyOf } from "../../support/values.ts";

const clock = new FakeClock();
let root: string;
let base: BaseStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kvsync-dirty-"));
  base = openBase(openScratchJournal(), "pair");
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(...paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), path);
  }
}

function know(...keys: readonly string[]): void {
  const row = { fingerprint: fingerprintOf(Buffer.from("x")), metadata: undefined, expiration: undefined, size: 1 };
  const now = clock.now();
  const record = keys.map((key) => ({
    ...row,
    key: keyOf(key),
    signature: undefined,
    binary: false,
    hashedAt: now,
    agreedAt: now,
  }));
  base.commit({ record, forget: [], now });
}

function find(...paths: readonly string[]): readonly string[] | undefined {
  return findAll(...paths)?.keys.toSorted();
}

function findAll(...paths: readonly string[]): DirtyKeys | undefined {
  return findDirtyKeys(paths, { ...DEPS(), followsLinks: false });
}

const DEPS = () =>
  ({ root, names: "posix", prefix: "", mayContain: (start: string) => start !== "d/out/", base }) as const;

describe("findDirtyKeys", () => {
  it("finds no end where links are followed and one is met: it may stand for any keys", () => {
    write("a");
    write("d/x/y");
    const followed = (...paths: readonly string[]) => findDirtyKeys(paths, { ...DEPS(), followsLinks: true });
    expect(followed("a", "d/")?.keys).toEqual(["a", "d/x/y"]);
    symlinkSync("nowhere", join(root, "d/x/link"));
    expect(followed("d/x/link")).toBeUndefined();
    expect(followed("d/")).toBeUndefined();
    expect(findAll("d/x/link")?.keys).toEqual(["d/x/link"]);
  });

  it("does not go through all keys for those of a few folders", () => {
    write("d/a");
    know("c/z", "d", "d/gone", "d0", "da/x", "e/b");
    const scan = (): never => {
      throw new Error("all keys are read");
    };
    const found = findDirtyKeys(["d/"], { ...DEPS(), base: { ...base, scan }, followsLinks: false });
    expect(found?.keys.toSorted()).toEqual(["d/a", "d/gone"]);
  });

  it("takes a file for its key, whether it is there or not", () => {
    write("a.json");
    expect(find("a.json", "gone/b.json")).toEqual(["a.json", "gone/b.json"]);
  });

  it("takes a sidecar, and a value beside a folder of its name, for their key", () => {
    expect(find("a.json%meta", "b%value", "c/%")).toEqual(["a.json", "b", "c/"]);
  });

  it("takes temporary files and conflict copies for none", () => {
    expect(find(tempNameOf("1a2b0"), "a%conflict-20260101T000000Z-1")).toEqual([]);
  });

  it("takes a folder for all that is in it and all that was", () => {
    write("d/a", "d/e/b", "d/e/f/c", "other/x");
    know("d/a", "d/gone", "d/e/gone", "dd", "other/x");
    expect(find("d/")).toEqual(["d/a", "d/e/b", "d/e/f/c", "d/e/gone", "d/gone"]);
  });

  it("takes a folder that is gone for all that was in it", () => {
    know("d/a", "d/b", "e");
    expect(find("d/")).toEqual(["d/a", "d/b"]);
  });

  it("tells of names that can be no key's, but not of those that are gone or that filters hide", () => {
    write("d/a%meta%meta", "d/out/b%meta%meta", "d/fine");
    writeFileSync(Buffer.concat([Buffer.from(join(root, "d/caf")), Buffer.from([0xe9])]), "");
    const whole = findAll("d/");
    expect(whole?.problems.map(({ code, subject }) => [code, subject]).toSorted()).toEqual([
      ["name-not-utf8", "d/caf\ufffd"],
      ["name-reserved", "d/a%meta%meta"],
    ]);
    expect(findAll("d/caf\ufffd")?.problems).toMatchObject([{ code: "name-not-utf8" }]);
    expect(findAll("gone%meta%meta", "d/fine", "no\ufffd")?.problems).toEqual([]);
  });

  it("says what was looked at, by key, by path and by folder", () => {
    const covers = findAll("a%meta", "d/")!.covers;
    expect(["a", "a%meta", "d", "d/x", "d/e/f"].every(covers)).toBe(true);
    expect(["b", "dd", "a%meta%meta"].some(covers)).toBe(false);
  });

  it("gives up where a folder's name is only a part of a key's segment", () => {
    expect(find(`${"x".repeat(240)}%+/`)).toBeUndefined();
  });

  it("gives up when there are too many", () => {
    know(...Array.from({ length: DIRTY_KEYS_MAX + 1 }, (_, i) => `d/${String(i).padStart(6, "0")}`));
    expect(find("d/")).toBeUndefined();
  });
});

describe("dirty paths", () => {
  it("are each named once, and are gone when they are taken", () => {
    const dirty = openDirtyPaths();
    dirty.add(["a", "b"]);
    dirty.add(["b", "c"]);
    expect(dirty.take().toSorted()).toEqual(["a", "b", "c"]);
    expect(dirty.size).toBe(0);
    expect(dirty.take()).toEqual([]);
  });

  it("are lost, and take no memory, when they are too many", () => {
    const dirty = openDirtyPaths(3);
    dirty.add(["a", "b", "c"]);
    expect(dirty.isLost).toBe(false);
    dirty.add(["d"]);
    dirty.add(["e"]);
    expect([dirty.isLost, dirty.size]).toEqual([true, 0]);
    expect(dirty.take()).toEqual([]);
    expect(dirty.isLost).toBe(false);
  });
});
