// Which folder is the root of a tree, and whether it is still the same one.

import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FolderHandles } from "../../../src/replica/tree/folder-handles.ts";
import { markRoot, readRootIdentity } from "../../../src/replica/tree/tree-root.ts";

let dir: string;
let root: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-root-"));
  root = join(dir, "root");
  mkdirSync(root);
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("the mark of a root", () => {
  it("stays while its files come and go", () => {
    const mark = markRoot(root);
    writeFileSync(join(root, "a"), "1");
    mkdirSync(join(root, "d"));
    rmSync(join(root, "a"));
    expect(markRoot(root)).toBe(mark);
  });

  it("is another one when another folder has its place, and none without one", () => {
    const mark = markRoot(root);
    renameSync(root, join(dir, "aside"));
    expect(markRoot(root)).toBeUndefined();
    mkdirSync(root);
    expect(markRoot(root)).not.toBe(mark);
    rmSync(root, { recursive: true });
    renameSync(join(dir, "aside"), root);
    expect(markRoot(root)).toBe(mark);
  });

  it("is another one when the folder is made anew, also with the inode of the one before", () => {
    for (let i = 0; i < 50; i++) {
      const mark = markRoot(root);
      const { ino } = statSync(root);
      untilLater();
      rmSync(root, { recursive: true });
      mkdirSync(root);
      expect(`${i} ${ino} ${statSync(root).ino} ${markRoot(root)}`).not.toBe(
        `${i} ${ino} ${statSync(root).ino} ${mark}`,
      );
    }
  });

  it("is another one when a link to it is swapped, and swapped back", () => {
    const link = join(dir, "link");
    const lead = (to: string): void => {
      symlinkSync(to, `${link}.new`);
      renameSync(`${link}.new`, link);
      untilLater();
    };
    mkdirSync(join(dir, "other"));
    lead(root);
    const mark = markRoot(link);
    lead(join(dir, "other"));
    const between = markRoot(link);
    lead(root);
    expect(new Set([mark, between, markRoot(link)]).size).toBe(3);
  });
});

it("that has become another folder is not worked in, and is looked at again", () => {
  const identity = readRootIdentity(root);
  renameSync(root, join(dir, "aside"));
  mkdirSync(root);
  expect(() => new FolderHandles(root, { identity, isDurable: false })).toThrow(
    expect.objectContaining({
      code: "root-missing",
      retryable: true,
      message: expect.stringContaining("was replaced"),
    }),
  );
});

/** Until the file system's clock, which ticks every few milliseconds, shows another time. */
function untilLater(): void {
  const probe = join(dir, "probe");
  const now = (): number => {
    writeFileSync(probe, "");
    return statSync(probe).mtimeMs;
  };
  const before = now();
  while (now() === before);
}
