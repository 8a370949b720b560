// A run of a backup of the config: what follows the snapshots goes on though one part of it fails.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { runBackupPlan } from "../../../src/backups/run-backup-plan.ts";
import type { BackupConfig } from "../../../src/config/config.ts";
import { systemClock } from "../../../src/core/system-clock.ts";
import { load } from "../config/config-fixture.ts";

const dir = mkdtempSync(join(tmpdir(), "kvsync-backup-plan-"));
afterAll(() => rmSync(dir, { recursive: true }));

const noAccount = (): never => {
  throw new Error("no account is used");
};
const context = { clock: systemClock, cwd: dir, env: {}, stateDir: join(dir, "state") };
const isThere = { isRepository: () => false, account: noAccount, bound: noAccount, snapshot: noAccount };
let progress = 0;
const runPlan = (backup: BackupConfig) =>
  runBackupPlan(
    {
      ...context,
      version: "test",
      ask: undefined,
      account: noAccount,
      locations: (signal) => ({ ...context, ...isThere, home: undefined, signal }),
      priority: undefined,
    },
    {
      backup,
      memory: { lastPruneAt: null, lastDrill: null, repositoryId: null },
      signal: new AbortController().signal,
      events: { onProgress: () => progress++ },
    },
  );

it("of one source into one repository each has its own rules: one forgets nothing of another, nor takes its snapshot for its own", async () => {
  mkdirSync(join(dir, "shared"));
  const write = (text: string): void => writeFileSync(join(dir, "shared", "a"), text);
  const place = `sources: [${dir}/shared], repository: ${dir}/both, encryption: none`;
  const { backups } = load(
    `backups: { forever: { ${place}, tags: [y] }, short: { ${place}, keep: { last: 1 }, skip_if_unchanged: true } }`,
  );
  const [forever, short] = [backups.get("forever")!, backups.get("short")!];
  const kept = (): number => readdirSync(join(dir, "both", "snapshots")).length;
  write("1");
  await runPlan(forever);
  write("2");
  await runPlan(forever);
  // What short would call unchanged is forever's, which may forget it.
  expect(await runPlan(short)).toMatchObject({ forgotten: 0, sources: [{ snapshot: expect.any(String) as string }] });
  expect(await runPlan(short)).toMatchObject({ forgotten: 0, sources: [{ snapshot: undefined }] });
  write("3");
  expect(await runPlan(short)).toMatchObject({ forgotten: 1, failure: undefined });
  expect(kept()).toBe(3);
});

it("holds a drill that is due though the prune before it fails, and tells of the prune", async () => {
  mkdirSync(join(dir, "notes"));
  writeFileSync(join(dir, "notes", "a"), "a note");
  const text = `backups: { nightly: { sources: [${dir}/notes], repository: ${dir}/repo, every: 6h, keep: { last: 2 }, drill: 1h, encryption: none } }`;
  const backup = load(text).backups.get("nightly")!;
  const run = () => runPlan(backup);
  progress = 0;
  expect(await run()).toMatchObject({ drill: { isProven: true }, freed: 0, failure: undefined });
  expect(progress).toBeGreaterThan(10);
  writeFileSync(join(dir, "repo", "snapshots", "0".repeat(64)), "damaged");
  const report = await run();
  expect(report).toMatchObject({ sources: [{ complete: true }], drill: { isProven: true }, freed: undefined });
  expect(report.failure?.message).toMatch(/^prune removes nothing, /);
  expect(existsSync(join(dir, "repo", "config.json"))).toBe(true);
});
