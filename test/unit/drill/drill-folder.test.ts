import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDrillFolder } from "../../../src/drill/drill-folder.ts";

let parent = "";
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "kvsync-drill-folder-"));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

test("a folder is there until it is closed", () => {
  const folder = openDrillFolder(join(parent, "drills"), 1000);
  expect(existsSync(folder.path)).toBe(true);
  folder.close();
  expect(readdirSync(join(parent, "drills"))).toEqual([]);
});

test("two at once have a folder each, and neither removes the other's", () => {
  const [one, two] = [openDrillFolder(parent, 1), openDrillFolder(parent, 1)];
  one.close();
  expect(readdirSync(parent)).toHaveLength(1);
  expect(existsSync(two.path)).toBe(true);
  two.close();
});

test("a disk without room is told before anything is made", () => {
  expect(() => openDrillFolder(parent, 2 ** 60)).toThrow(expect.objectContaining({ code: "disk-full" }));
  expect(readdirSync(parent)).toEqual([]);
});
