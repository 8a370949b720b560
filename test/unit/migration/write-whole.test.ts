import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { writeWhole } from "../../../src/migration/write-whole.ts";

let dir = "";
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "kvsync-whole-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it("makes the folders that are missing, for their owner alone, and leaves no part behind", () => {
  const path = join(dir, "migrations", "move", "migration.json");
  writeWhole(path, "{}", { mode: 0o600, makesFolder: true });
  writeWhole(path, "{1}", { mode: 0o600, makesFolder: true });
  expect(readFileSync(path, "utf8")).toBe("{1}");
  expect([path, join(dir, "migrations", "move")].map((one) => statSync(one).mode & 0o777)).toEqual([0o600, 0o700]);
  expect(existsSync(`${path}.part`)).toBe(false);
});

it("throws where the folder is missing or the name is a folder's, and leaves no part behind", () => {
  expect(() => writeWhole(join(dir, "missing", "report.md"), "")).toThrow("ENOENT");
  mkdirSync(join(dir, "report.md"));
  expect(() => writeWhole(join(dir, "report.md"), "")).toThrow("EISDIR");
  expect(existsSync(join(dir, "report.md.part"))).toBe(false);
});
