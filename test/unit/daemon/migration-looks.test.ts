// Migrations in the daemon's status: read from disk now and then, bounded, and never a reason for the status to fail.

import { mkdirSync, mkdtempSync, rmdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../../src/core/system-clock.ts";
import { openMigrationLooks } from "../../../src/daemon/migration-looks.ts";
import { openMigrationFolder } from "../../../src/migration/migration-folder.ts";
import { type MigrationRecord, NO_COUNTS } from "../../../src/migration/migration-record.ts";
import { openRunMark } from "../../../src/migration/run-mark.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let stateDir = "";
let clock: FakeClock;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "kvsync-looks-"));
  clock = new FakeClock();
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

function keep(name: string, change: Partial<MigrationRecord> = {}): void {
  const namespace = { isCopied: true, counts: { ...NO_COUNTS, keys: 10, bytes: 100, failed: 1 }, failure: null };
  const record = {
    kvsync: "migration",
    version: 1,
    name,
    asked: { source: { account: "old" }, destination: { account: "new" } },
    state: "copying",
    namespaces: [
      { ...namespace, verdict: "equal" },
      { ...namespace, isCopied: false, verdict: null },
    ],
    startedAt: 1,
    changedAt: 2,
    endedAt: null,
    failure: null,
    ...change,
  };
  openMigrationFolder(stateDir, name).write(record as unknown as MigrationRecord);
}

it("tells of each how far it is, and of one that runs its progress", async () => {
  const looks = openMigrationLooks({ clock, stateDir });
  expect(looks()).toEqual([]);
  keep("move");
  await clock.advance(2000);
  expect(looks()).toMatchObject([
    {
      migration: "move",
      source: "old",
      destination: "new",
      state: "copying",
      running: false,
      namespaces: { total: 2, copied: 1, failed: 0 },
      keys: 20,
      bytes: 200,
      failedKeys: 2,
      progress: null,
      verdict: "equal",
    },
  ]);
  const folder = openMigrationFolder(stateDir, "move");
  const mark = await openRunMark({ clock: systemClock, signal: new AbortController().signal }, folder);
  folder.writeProgress({ keys: 7, keysTotal: 20, bytes: 70, requests: 3, retries: 0, at: clock.now() });
  await clock.advance(10_000);
  expect(looks()).toMatchObject([{ running: true, progress: { keys: 7, keysTotal: 20 } }]);
  mark.close();
  keep("move", { state: "done", endedAt: clock.now() });
  await clock.advance(2000);
  expect(looks()).toMatchObject([{ running: false, state: "done", progress: null }]);
});

it("reads nothing again within two seconds", async () => {
  const looks = openMigrationLooks({ clock, stateDir });
  looks();
  keep("move");
  await clock.advance(1999);
  expect(looks()).toEqual([]);
  await clock.advance(1);
  expect(looks()).toHaveLength(1);
});

it("tells of the newest twenty, and leaves out what is no record", async () => {
  for (let i = 0; i < 25; i++) {
    keep(`move-${i}`);
    utimesSync(join(stateDir, "migrations", `move-${i}`, "migration.json"), i + 1, i + 1);
  }
  mkdirSync(join(stateDir, "migrations", "broken"));
  writeFileSync(join(stateDir, "migrations", "broken", "migration.json"), "{");
  const names = openMigrationLooks({ clock, stateDir })().map(({ migration }) => migration);
  expect(names).toEqual(Array.from({ length: 19 }, (_, i) => `move-${24 - i}`));
});

it("leaves out a folder that cannot be read, tells of the others, and finds it when it can be read", async () => {
  keep("sound");
  keep("locked-out");
  const lock = join(stateDir, "migrations", "locked-out", "lock.sqlite");
  mkdirSync(lock);
  mkdirSync(join(stateDir, "migrations", "loop"));
  symlinkSync("migration.json", join(stateDir, "migrations", "loop", "migration.json"));
  const looks = openMigrationLooks({ clock, stateDir });
  const names = (): readonly string[] => looks().map(({ migration }) => migration);
  expect(names()).toEqual(["sound"]);
  rmdirSync(lock);
  await clock.advance(10_000);
  expect(names().toSorted()).toEqual(["locked-out", "sound"]);
});

it("tells of a migration that runs without its progress, where that cannot be read", async () => {
  keep("move");
  const folder = openMigrationFolder(stateDir, "move");
  const mark = await openRunMark({ clock: systemClock, signal: new AbortController().signal }, folder);
  mkdirSync(join(folder.path, "progress.json"));
  expect(openMigrationLooks({ clock, stateDir })()).toMatchObject([{ running: true, progress: null }]);
  mark.close();
});

it("tells of none where a file is in the place of their folder", () => {
  writeFileSync(join(stateDir, "migrations"), "x");
  expect(openMigrationLooks({ clock, stateDir })()).toEqual([]);
});
