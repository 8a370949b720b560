// A run of a backup of the config: what follows the snapshots goes on though one part of it fails.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { runBackupPlan } from "../../../src/backups/run-backup-plan.ts";
import { systemClock } from "../../../src/core/system-clock.ts";
import { load } from "../config/config-fixture.ts";

const dir = mkdtempSync(join(tmpdir(), "kvsync-backup-plan-"));
afterAll(() => rmSync(dir, { recursive: true }));

it("holds a drill that is due though the prune before it fails, and tells of the prune", async () => {
  mkdirSync(join(dir, "notes"));
  writeFileSync(join(dir, "notes", "a"), "a note");
  const text = `backups: { nightly: { sources: [${dir}/notes], repository: ${dir}/repo, every: 6h, keep: { last: 2 }, drill: 1h, encryption: none } }`;
  const backup = load(text).backups.get("nightly")!;
  const noAccount = (): never => {
    throw new Error("no account is used");
  };
  const context = { clock: systemClock, cwd: dir, env: {}, stateDir: join(dir, "state") };
  const isThere = { isRepository: () => false, account: noAccount, bound: noAccount, snapshot: noAccount };
  let progress = 0;
  const run = () =>
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
  expect(await run()).toMatchObject({ drill: { isProven: true }, freed: 0, failure: undefined });
  expect(progress).toBeGreaterThan(10);
  writeFileSync(join(dir, "repo", "snapshots", "0".repeat(64)), "damaged");
  const report = await run();
  expect(report).toMatchObject({ sources: [{ complete: true }], drill: { isProven: true }, freed: undefined });
  expect(report.failure?.message).toMatch(/^prune removes nothing, /);
  expect(existsSync(join(dir, "repo", "config.json"))).toBe(true);
});
