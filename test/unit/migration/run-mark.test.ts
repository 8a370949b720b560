import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../../src/core/system-clock.ts";
import { openStateLock } from "../../../src/journal/lock.ts";
import { openMigrationFolder } from "../../../src/migration/migration-folder.ts";
import { isRunning, openRunMark } from "../../../src/migration/run-mark.ts";

let stateDir = "";
beforeEach(() => (stateDir = mkdtempSync(join(tmpdir(), "kvsync-run-mark-"))));
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

it("tells that a process works on a migration, beside another command that works with the state folder", async () => {
  const folder = openMigrationFolder(stateDir, "move");
  folder.writeFile("report.md", "kept");
  expect(isRunning(folder)).toBe(false);
  const state = openStateLock(stateDir);
  const mark = await openRunMark({ clock: systemClock, signal: new AbortController().signal }, folder);
  expect(isRunning(folder)).toBe(true);
  expect(isRunning(openMigrationFolder(stateDir, "other"))).toBe(false);
  mark.close();
  // The state folder is in use, and the migration is not.
  expect(isRunning(folder)).toBe(false);
  expect(existsSync(join(folder.path, "report.md"))).toBe(true);
  state.close();
});

it("leaves no folder of a migration that was not begun", async () => {
  const folder = openMigrationFolder(stateDir, "refused");
  const mark = await openRunMark({ clock: systemClock, signal: new AbortController().signal }, folder);
  mark.close();
  expect(existsSync(folder.path)).toBe(false);
});
