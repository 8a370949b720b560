// What is synced before it counts as written: everything, except where the file system is memory and syncing means nothing.

import fs, { existsSync, mkdtempSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, describe, expect, it } from "vitest";
import { isInMemory } from "../../../src/replica/tree/memory-file-system.ts";
import { codeOf, TreeFixture } from "../../support/tree-fixture.ts";

const { fsync, fsyncSync } = fs;

/** Counts syncs from now on. */
function countSyncs(): { count: number } {
  const syncs = { count: 0 };
  Object.assign(fs, {
    fsync: (fd: number, done: (error: Error | null) => void) => {
      syncs.count++;
      fsync(fd, done);
    },
    fsyncSync: (fd: number) => {
      syncs.count++;
      fsyncSync(fd);
    },
  });
  syncBuiltinESMExports();
  return syncs;
}

afterEach(() => {
  Object.assign(fs, { fsync, fsyncSync });
  syncBuiltinESMExports();
});

const MEMORY = "/dev/shm";
const hasMemory = existsSync(MEMORY) && isInMemory(MEMORY);

describe("a write", () => {
  const onDisk = new TreeFixture({ durable: true });
  afterEach(() => onDisk.close());

  it.skipIf(isInMemory(onDisk.root))("syncs the file, its folder and the folder above", async () => {
    const syncs = countSyncs();
    expect(codeOf(await onDisk.write("a/b", "text"))).toBe("written");
    expect(syncs.count).toBe(3);
  });

  it.skipIf(!hasMemory)("syncs nothing in a file system that is memory", async () => {
    const root = mkdtempSync(`${MEMORY}/kvsync-tree-`);
    const fixture = new TreeFixture({ root, durable: true });
    const syncs = countSyncs();
    expect(codeOf(await fixture.write("a/b", "text"))).toBe("written");
    expect(syncs.count).toBe(0);
    fixture.close();
    rmSync(root, { recursive: true });
  });
});

describe("a file system", () => {
  it.skipIf(!hasMemory)("that is memory is told from one that is not", () => {
    expect(isInMemory("/dev/shm/.")).toBe(true);
    expect(isInMemory("/proc")).toBe(false);
  });

  it("that cannot be asked is taken for one that keeps things", () => {
    expect(isInMemory("/no/such/folder")).toBe(false);
  });
});
