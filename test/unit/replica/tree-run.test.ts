// A run of writes over several groups: what it remembers of folders it made, and what closing its files may say.

import fs, { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Write } from "../../../src/replica/replica.ts";
import { codeOf, TreeFixture } from "../../support/tree-fixture.ts";

let fixture: TreeFixture;
beforeEach(() => {
  fixture = new TreeFixture();
});
afterEach(() => fixture.close());

const write = (key: string): Write => ({ value: fixture.value(key, `value of ${key}`), expected: undefined });

it("does not take a folder that somebody made anew for its own, though it has the same inode", async () => {
  const before: number[] = [];
  const pages = (async function* () {
    yield [write("folder/a")];
    // More work, so that the first page's folder is closed.
    yield [write("other/a")];
    before.push(statSync(fixture.path("folder")).ino);
    rmSync(fixture.path("folder"), { recursive: true });
    mkdirSync(fixture.path("folder"));
    before.push(statSync(fixture.path("folder")).ino);
    writeFileSync(fixture.path("folder/b%value"), "somebody's");
    yield [write("folder/b")];
  })();
  const outcomes: string[] = [];
  for await (const page of fixture.tree.write(pages)) outcomes.push(...page.map(codeOf));
  // On file systems that give inodes away again, as most do, this is the case that is meant.
  expect(before).toHaveLength(2);
  expect(outcomes.at(-1)).toBe("changed-on-disk");
  expect(fixture.files()).toEqual({ "other/a": "value of other/a", "folder/b%value": "somebody's" });
});

it("loses no outcome of a group to a file that cannot be closed", async () => {
  fixture.file("a", "old");
  const expected = await fixture.entry("a");
  const { closeSync } = fs;
  fs.closeSync = (fd) => {
    closeSync(fd);
    throw Object.assign(new Error("EIO: i/o error, close"), { code: "EIO", errno: -5, syscall: "close" });
  };
  syncBuiltinESMExports();
  try {
    const outcomes: string[] = [];
    const pages = (async function* () {
      yield [{ ...write("a"), expected }, write("b"), write("c/d")];
    })();
    for await (const page of fixture.tree.write(pages)) outcomes.push(...page.map(codeOf));
    expect(outcomes).toEqual(["written", "written", "written"]);
  } finally {
    fs.closeSync = closeSync;
    syncBuiltinESMExports();
  }
  expect(Object.keys(fixture.files()).sort()).toEqual(["a", "b", "c/d"]);
});
