import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../../src/core/system-clock.ts";
import { openStateLock } from "../../../src/journal/lock.ts";
import { openMigrationFolder } from "../../../src/migration/migration-folder.ts";
import { abortMigration } from "../../../src/migration/abort-migration.ts";
import type { MigrationRecord } from "../../../src/migration/migration-record.ts";
import { isRunning, openRunMark, requestsToForget, whileIdle } from "../../../src/migration/run-mark.ts";

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

it.each([
  [undefined, ["abort", "cutover"]],
  ["undone", ["abort", "cutover"]],
  ["done", ["abort", "cutover"]],
  ["copying", ["abort"]],
  ["ready", ["abort"]],
  ["cutting-over", ["abort"]],
] as const)("of a migration that is %s, a run forgets %j of what was asked before", (state, forgotten) => {
  expect(requestsToForget(state && { state })).toEqual(forgotten);
});

it("forgets an abort that was asked of a run before", async () => {
  const folder = openMigrationFolder(stateDir, "killed");
  folder.write({ kvsync: "migration", version: 1, state: "copying", namespaces: [] } as unknown as MigrationRecord);
  folder.ask("abort");
  folder.ask("cutover");
  const mark = await openRunMark({ clock: systemClock, signal: new AbortController().signal }, folder);
  expect(mark.forgotten).toEqual(["abort"]);
  expect(folder.request()).toBe("cutover");
  // As long as it runs, it is asked by a file.
  expect(whileIdle(folder, () => abortMigration(folder, systemClock))).toBe(false);
  mark.close();
  expect(whileIdle(folder, () => abortMigration(folder, systemClock))).toBe(true);
  expect(folder.read()?.state).toBe("aborted");
  expect(folder.request()).toBeUndefined();
});
