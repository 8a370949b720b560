// Metrics: what a scrape shows.

import { beforeEach, describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import { type Metrics, type MetricsSnapshot, openMetrics, type RoundMetrics } from "../../../src/daemon/metrics.ts";

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
  total: 8,
  retries: 3,
  bytesUp: 1000,
  bytesDown: 2000,
};
const mapping = {
  name: "app-config",
  pending: 5,
  isHeld: false,
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
  snapshot = { accounts: [{ name: "prod", requests, budgetLeft: 900 }], mappings: [mapping] };
  metrics = await openMetrics({ version: "1.2.3", read: () => snapshot });
});

/** The value of a series as it is written, or undefined. */
async function value(series: string): Promise<string | undefined> {
  const line = (await metrics.render()).split("\n").find((candidate) => candidate.startsWith(`${series} `));
  return line?.slice(series.length + 1);
}

describe("a scrape", () => {
  it("is OpenMetrics", async () => {
    expect(metrics.contentType).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    const text = await metrics.render();
    expect(text).toMatch(/# EOF\n$/);
    expect(text).toContain("# TYPE kvsync_requests counter\n");
    expect(await value('kvsync_build_info{version="1.2.3"}')).toBe("1");
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

  it("shows no budget where there is none", async () => {
    snapshot = { accounts: [{ name: "local", requests, budgetLeft: Number.POSITIVE_INFINITY }], mappings: [] };
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
    snapshot = { ...snapshot, mappings: [{ ...mapping, isHeld: true, isFailing: true }] };
    expect(await value('kvsync_errors_total{mapping="app-config",code="network"}')).toBe("2");
    expect(await value('kvsync_pending_changes{mapping="app-config"}')).toBe("5");
    expect(await value('kvsync_mapping_held{mapping="app-config"}')).toBe("1");
    expect(await value('kvsync_mapping_failing{mapping="app-config"}')).toBe("1");
    expect(await value('kvsync_last_success_timestamp_seconds{mapping="app-config"}')).toBe("1800000000.5");
  });

  it("has a series for a mapping from the start, but no time of a success that was not", async () => {
    snapshot = { accounts: [], mappings: [{ ...mapping, lastSuccessAt: undefined }] };
    expect(await value('kvsync_rounds_total{mapping="app-config",outcome="failed"}')).toBe("0");
    expect(await value('kvsync_last_success_timestamp_seconds{mapping="app-config"}')).toBeUndefined();
  });

  it("forgets a mapping and an account that are no more", async () => {
    metrics.roundEnded(round);
    metrics.failed("app-config", "network");
    await metrics.render();
    metrics.forget("app-config");
    snapshot = { accounts: [], mappings: [] };
    const text = await metrics.render();
    expect(text).not.toContain("app-config");
    expect(text).not.toContain("prod");
  });

  it("escapes names", async () => {
    snapshot = { accounts: [], mappings: [{ ...mapping, name: 'a"b\\c\nd' }] };
    expect(await value('kvsync_pending_changes{mapping="a\\"b\\\\c\\nd"}')).toBe("5");
  });
});
