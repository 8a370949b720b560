// Metrics: what a scrape shows.

import { beforeEach, describe, expect, it } from "vitest";
import type { BackupRun } from "../../../src/backups/backup-report.ts";
import type { EpochMs } from "../../../src/core/clock.ts";
import { type Metrics, type MetricsSnapshot, openMetrics } from "../../../src/monitor/metrics.ts";
import { type RoundMetrics } from "../../../src/monitor/metric-totals.ts";
import type { MigrationRecord, NamespaceRecord } from "../../../src/migration/migration-record.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const requests = {
  list: 4,
  bulkWrite: 2,
  bulkDelete: 1,
  bulkGet: 0,
  read: 0,
  write: 0,
  delete: 0,
  metadata: 0,
  namespace: 1,
  changes: 0,
  total: 8,
  retries: 3,
  bytesUp: 1000,
  bytesDown: 2000,
};
const mapping = {
  name: "app-config",
  pending: 5,
  isHeld: false,
  heldMs: 0,
  problems: 0,
  oldestProblemMs: 0,
  isPaused: false,
  isFailing: false,
  lastSuccessAt: 1_800_000_000_500 as EpochMs,
};
const round: RoundMetrics = {
  mapping: "app-config",
  outcome: "done",
  durationMs: 1500,
  written: { local: 1, remote: 2 },
  removed: { local: 0, remote: 3 },
  conflicts: 1,
};

let snapshot: MetricsSnapshot;
let metrics: Metrics;
beforeEach(async () => {
  snapshot = {
    accounts: [{ name: "prod", requests, budgetLeft: 900, budgetSize: 1200 }],
    mappings: [mapping],
    backups: [],
  };
  metrics = await openMetrics({
    clock: new FakeClock({ now: 1_800_000_000_000 }),
    version: "1.2.3",
    read: () => snapshot,
  });
});

/** The value of a series as it is written, or undefined. */
async function value(series: string): Promise<string | undefined> {
  const line = (await metrics.render()).text.split("\n").find((candidate) => candidate.startsWith(`${series} `));
  return line?.slice(series.length + 1);
}

describe("a scrape", () => {
  it("is OpenMetrics", async () => {
    const { contentType, text } = await metrics.render();
    expect(contentType).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(text).toMatch(/# EOF\n$/);
    expect(text).toContain("# TYPE kvsync_requests counter\n");
    expect(await value('kvsync_build_info{version="1.2.3"}')).toBe("1");
  });

  it("is in the older format where that is asked for, also while another one is rendered", async () => {
    const [open, old] = await Promise.all([metrics.render(), metrics.render("text")]);
    expect(old.contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(old.text).toContain("# TYPE kvsync_requests_total counter\n");
    for (const { text } of [open, old])
      expect(text).toContain('kvsync_requests_total{account="prod",operation="list"} 4\n');
  });

  it("shows requests and the budget, and is the same when it is repeated", async () => {
    await metrics.render();
    expect(await value('kvsync_requests_total{account="prod",operation="list"}')).toBe("4");
    expect(await value('kvsync_requests_total{account="prod",operation="bulkGet"}')).toBe("0");
    expect(await value('kvsync_request_retries_total{account="prod"}')).toBe("3");
    expect(await value('kvsync_sent_bytes_total{account="prod"}')).toBe("1000");
    expect(await value('kvsync_received_bytes_total{account="prod"}')).toBe("2000");
    expect(await value('kvsync_budget_requests_left{account="prod"}')).toBe("900");
  });

  it("shows answers by status, how long they took, and how long requests waited for the budget", async () => {
    metrics.answered("prod", { operation: "list", status: 200, durationMs: 80 });
    metrics.answered("prod", { operation: "list", status: 200, durationMs: 300 });
    metrics.answered("prod", { operation: "list", status: 429, durationMs: 5 });
    metrics.answered("prod", { operation: "read", status: 0, durationMs: 5 });
    metrics.waited("prod", 1500);
    await metrics.render();
    expect(await value('kvsync_answers_total{account="prod",operation="list",status="200"}')).toBe("2");
    expect(await value('kvsync_answers_total{account="prod",operation="list",status="429"}')).toBe("1");
    expect(await value('kvsync_answers_total{account="prod",operation="read",status="0"}')).toBe("1");
    const bucket = 'kvsync_request_duration_seconds_bucket{le="0.1",account="prod",operation="list"}';
    expect(await value(bucket)).toBe("2");
    expect(await value('kvsync_budget_wait_seconds_total{account="prod"}')).toBe("1.5");
    expect(await value('kvsync_budget_requests{account="prod"}')).toBe("1200");
    snapshot = { accounts: [], mappings: [], backups: [] };
    expect((await metrics.render()).text).not.toContain("prod");
  });

  it("shows how long a hold and a problem have lasted", async () => {
    snapshot = {
      accounts: [],
      mappings: [{ ...mapping, heldMs: 90_500, problems: 3, oldestProblemMs: 61_000 }],
      backups: [],
    };
    expect(await value('kvsync_mapping_held_seconds{mapping="app-config"}')).toBe("90.5");
    expect(await value('kvsync_problems{mapping="app-config"}')).toBe("3");
    expect(await value('kvsync_oldest_problem_seconds{mapping="app-config"}')).toBe("61");
  });

  it("shows the process as Prometheus expects", async () => {
    expect(Number(await value("process_cpu_seconds_total"))).toBeGreaterThan(0);
    expect(Number(await value("process_resident_memory_bytes"))).toBeGreaterThan(1_000_000);
    const ageSeconds = 1_800_000_000 - Number(await value("process_start_time_seconds"));
    expect(Math.abs(ageSeconds - process.uptime())).toBeLessThan(60);
  });

  it("shows no budget where there is none", async () => {
    snapshot = {
      accounts: [
        { name: "local", requests, budgetLeft: Number.POSITIVE_INFINITY, budgetSize: Number.POSITIVE_INFINITY },
      ],
      mappings: [],
      backups: [],
    };
    expect(await value('kvsync_budget_requests_left{account="local"}')).toBeUndefined();
  });

  it("adds rounds up, by mapping and side", async () => {
    metrics.roundEnded(round);
    metrics.roundEnded(round);
    metrics.roundEnded({
      ...round,
      outcome: "held",
      written: { local: 0, remote: 0 },
      removed: { local: 0, remote: 0 },
    });
    expect(await value('kvsync_rounds_total{mapping="app-config",outcome="done"}')).toBe("2");
    expect(await value('kvsync_rounds_total{mapping="app-config",outcome="held"}')).toBe("1");
    expect(await value('kvsync_keys_written_total{mapping="app-config",side="remote"}')).toBe("4");
    expect(await value('kvsync_keys_written_total{mapping="app-config",side="local"}')).toBe("2");
    expect(await value('kvsync_keys_removed_total{mapping="app-config",side="remote"}')).toBe("6");
    expect(await value('kvsync_conflicts_total{mapping="app-config"}')).toBe("3");
    expect(await value('kvsync_round_duration_seconds_count{mapping="app-config"}')).toBe("3");
    expect(await value('kvsync_round_duration_seconds_bucket{le="1",mapping="app-config"}')).toBe("0");
    expect(await value('kvsync_round_duration_seconds_bucket{le="5",mapping="app-config"}')).toBe("3");
  });

  it("shows states and errors", async () => {
    metrics.failed("app-config", "network");
    metrics.failed("app-config", "network");
    snapshot = { ...snapshot, mappings: [{ ...mapping, isHeld: true, isPaused: false, isFailing: true }], backups: [] };
    expect(await value('kvsync_errors_total{mapping="app-config",code="network"}')).toBe("2");
    expect(await value('kvsync_pending_changes{mapping="app-config"}')).toBe("5");
    expect(await value('kvsync_mapping_held{mapping="app-config"}')).toBe("1");
    expect(await value('kvsync_mapping_failing{mapping="app-config"}')).toBe("1");
    expect(await value('kvsync_last_success_timestamp_seconds{mapping="app-config"}')).toBe("1800000000.5");
  });

  it("shows which loops are alive", async () => {
    const loops = [
      { name: "app-config", isAlive: false },
      { name: "backup nightly", isAlive: true },
    ];
    snapshot = { ...snapshot, loops };
    expect(await value('kvsync_loop_stuck{loop="app-config"}')).toBe("1");
    expect(await value('kvsync_loop_stuck{loop="backup nightly"}')).toBe("0");
  });

  it("has a series for a mapping from the start, but no time of a success that was not", async () => {
    snapshot = { accounts: [], mappings: [{ ...mapping, lastSuccessAt: undefined }], backups: [] };
    expect(await value('kvsync_rounds_total{mapping="app-config",outcome="failed"}')).toBe("0");
    expect(await value('kvsync_last_success_timestamp_seconds{mapping="app-config"}')).toBeUndefined();
  });

  it("tells how backups stand, and what they have done", async () => {
    const backup = {
      backup: "nightly",
      repository: "vault",
      sources: ["prod:x"],
      schedule: "every 6h",
      state: "failing",
      nextAt: null,
      runningSince: null,
      progress: null,
      lastRun: null,
      lastCompleteAt: null,
      knownSince: null,
      failure: null,
      lastDrill: null,
    } as const;
    snapshot = { accounts: [], mappings: [], backups: [backup] };
    expect(await value('kvsync_backup_runs_total{backup="nightly",outcome="failed"}')).toBe("0");
    expect(await value('kvsync_backup_last_complete_timestamp_seconds{backup="nightly"}')).toBeUndefined();
    const failure = { code: "io", message: "m", hint: null, since: 0 as EpochMs, attempts: 1 } as const;
    const lastRun = { durationMs: 1500, keys: 7, bytesStored: 100, valuesRead: 3 } as BackupRun;
    metrics.backupEnded("nightly", { lastRun, failure });
    metrics.backupEnded("nightly", { lastRun, failure: null });
    const lastCompleteAt = 1_800_000_000_500 as EpochMs;
    const lastDrill = { at: 1_700_000_000_000 as EpochMs, proven: true, message: null };
    snapshot = { accounts: [], mappings: [], backups: [{ ...backup, lastRun, failure, lastCompleteAt, lastDrill }] };
    const shown = Object.entries({
      'runs_total{backup="nightly",outcome="done"}': "1",
      'failures_total{backup="nightly",code="io"}': "1",
      'stored_bytes_total{backup="nightly"}': "200",
      'values_read_total{backup="nightly"}': "6",
      'failing{backup="nightly"}': "1",
      'duration_seconds{backup="nightly"}': "1.5",
      'keys{backup="nightly"}': "7",
      'last_complete_timestamp_seconds{backup="nightly"}': "1800000000.5",
      'drill_proven{backup="nightly"}': "1",
      'last_drill_timestamp_seconds{backup="nightly"}': "1700000000",
    });
    for (const [series, expected] of shown)
      expect([series, await value(`kvsync_backup_${series}`)]).toEqual([series, expected]);
    metrics.forgetBackup("nightly");
    snapshot = { accounts: [], mappings: [], backups: [] };
    expect((await metrics.render()).text).not.toContain("nightly");
  });

  it("shows where a migration stands, and how far it is", async () => {
    const namespace = (isCopied: boolean, failure: object | null) => ({ isCopied, failure }) as NamespaceRecord;
    const namespaces = [namespace(true, null), namespace(false, null), namespace(true, { code: "network" })];
    const record = { name: "move", state: "copying", namespaces } as unknown as MigrationRecord;
    const nothing = { accounts: [], mappings: [], backups: [] };
    const migration = { record, isRetrying: false, progress: undefined, movedAt: undefined };
    snapshot = { ...nothing, migrations: [migration] };
    expect(await value('kvsync_migration_state{migration="move",state="copying"}')).toBe("1");
    expect(await value('kvsync_migration_state{migration="move",state="ready"}')).toBe("0");
    for (const outcome of ["copied", "waiting", "failed"])
      expect(await value(`kvsync_migration_namespaces{migration="move",outcome="${outcome}"}`)).toBe("1");
    expect(await value('kvsync_migration_keys{migration="move"}')).toBeUndefined();
    const progress = { keys: 30, keysTotal: 100, bytes: 4000 };
    snapshot = {
      ...nothing,
      migrations: [{ ...migration, progress, isRetrying: true, movedAt: 1_700_000_000_000 as EpochMs }],
    };
    const shown = Object.entries({
      keys: "30",
      keys_expected: "100",
      bytes: "4000",
      retrying: "1",
      last_progress_timestamp_seconds: "1700000000",
    });
    for (const [name, expected] of shown)
      expect([name, await value(`kvsync_migration_${name}{migration="move"}`)]).toEqual([name, expected]);
  });

  it("forgets a mapping and an account that are no more", async () => {
    metrics.roundEnded(round);
    metrics.failed("app-config", "network");
    await metrics.render();
    metrics.forget("app-config");
    snapshot = { accounts: [], mappings: [], backups: [] };
    const { text } = await metrics.render();
    expect(text).not.toContain("app-config");
    expect(text).not.toContain("prod");
  });

  it("escapes names", async () => {
    snapshot = { accounts: [], mappings: [{ ...mapping, name: 'a"b\\c\nd' }], backups: [] };
    expect(await value('kvsync_pending_changes{mapping="a\\"b\\\\c\\nd"}')).toBe("5");
  });
});
