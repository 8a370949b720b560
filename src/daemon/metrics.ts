// What the daemon counts, as OpenMetrics text for Prometheus and the like. Requests, budgets and states are read when they
// are asked for; rounds and errors are told as they happen. prom-client is loaded with the first metrics: 37 ms.

import type { OpenMetricsContentType } from "prom-client";
import type { DurationMs, EpochMs } from "../core/clock.ts";
import { OPERATIONS, type RequestCounts } from "../kv/kv-api.ts";

/** What is true at the moment of asking. */
export interface MetricsSnapshot {
  readonly accounts: readonly AccountMetrics[];
  readonly mappings: readonly MappingMetrics[];
}

interface AccountMetrics {
  readonly name: string;
  /** Since the process started, or the account was opened. */
  readonly requests: RequestCounts;
  /** Requests that could be sent now; Infinity: there is no limit. */
  readonly budgetLeft: number;
}

interface MappingMetrics {
  readonly name: string;
  /** Keys known to differ that no round has dealt with. */
  readonly pending: number;
  readonly isHeld: boolean;
  /** Its last round failed. */
  readonly isFailing: boolean;
  /** When a round last found, or brought, both sides in step; undefined: not yet. */
  readonly lastSuccessAt: EpochMs | undefined;
}

export interface SideCounts {
  readonly local: number;
  readonly remote: number;
}

export interface RoundMetrics {
  readonly mapping: string;
  readonly outcome: "done" | "held" | "failed";
  readonly durationMs: DurationMs;
  /** Keys or files, by the side they were written to or removed from. */
  readonly written: SideCounts;
  readonly removed: SideCounts;
  readonly conflicts: number;
}

export interface Metrics {
  readonly contentType: string;
  roundEnded(round: RoundMetrics): void;
  /** `code`: an AppError's, or a problem's. */
  failed(mapping: string, code: string): void;
  /** A mapping that is no more leaves nothing behind. */
  forget(mapping: string): void;
  /** OpenMetrics text. */
  render(): Promise<string>;
}

const SIDES = ["local", "remote"] as const;
const OUTCOMES = ["done", "held", "failed"] as const;
/** From a round that finds nothing to do to a first one over a million keys. */
const ROUND_SECONDS = [0.1, 0.5, 1, 5, 15, 60, 300, 1800];

/** What one mapping has done since the process started. */
interface Totals {
  readonly rounds: Record<RoundMetrics["outcome"], number>;
  readonly written: Record<keyof SideCounts, number>;
  readonly removed: Record<keyof SideCounts, number>;
  readonly errors: Map<string, number>;
  conflicts: number;
}

export async function openMetrics(options: {
  readonly version: string;
  readonly read: () => MetricsSnapshot;
}): Promise<Metrics> {
  const { Counter, Gauge, Histogram, Registry } = await import("prom-client");
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `kvsync_${name}_total`, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name: `kvsync_${name}`, help, labelNames, registers });

  const counters = {
    requests: counter("requests", "Requests sent to the API, retries included.", "account", "operation"),
    retries: counter("request_retries", "Requests that repeated one that failed.", "account"),
    sent: counter("sent_bytes", "Bytes of request bodies.", "account"),
    received: counter("received_bytes", "Bytes of answers.", "account"),
    rounds: counter("rounds", "Rounds, by how they ended.", "mapping", "outcome"),
    written: counter("keys_written", "Keys or files written, by the side they were written to.", "mapping", "side"),
    removed: counter("keys_removed", "Keys or files removed, by the side they were removed from.", "mapping", "side"),
    conflicts: counter("conflicts", "Keys that both sides had changed.", "mapping"),
    errors: counter("errors", "Rounds and keys that failed, by code.", "mapping", "code"),
  };
  const gauges = {
    budget: gauge("budget_requests_left", "Requests that the budget allows to be sent now.", "account"),
    pending: gauge("pending_changes", "Keys known to differ that no round has dealt with.", "mapping"),
    held: gauge("mapping_held", "1 if the mapping waits for approval.", "mapping"),
    failing: gauge("mapping_failing", "1 if the last round of the mapping failed.", "mapping"),
    success: gauge("last_success_timestamp_seconds", "When both sides were last seen in step.", "mapping"),
  };
  const durations = new Histogram({
    name: "kvsync_round_duration_seconds",
    help: "How long rounds took.",
    labelNames: ["mapping"],
    buckets: ROUND_SECONDS,
    registers,
  });
  const memory = gauge("resident_memory_bytes", "Memory that the process uses.");
  gauge("build_info", "1, with the version.", "version").set({ version: options.version }, 1);

  const totals = new Map<string, Totals>();
  const totalsOf = (mapping: string): Totals => {
    const known = totals.get(mapping) ?? noTotals();
    totals.set(mapping, known);
    return known;
  };

  function updateAccounts(accounts: readonly AccountMetrics[]): void {
    for (const { name: account, requests, budgetLeft } of accounts) {
      for (const operation of OPERATIONS) counters.requests.inc({ account, operation }, requests[operation]);
      counters.retries.inc({ account }, requests.retries);
      counters.sent.inc({ account }, requests.bytesUp);
      counters.received.inc({ account }, requests.bytesDown);
      if (Number.isFinite(budgetLeft)) gauges.budget.set({ account }, budgetLeft);
    }
  }

  function updateMappings(mappings: readonly MappingMetrics[]): void {
    for (const { name: mapping, pending, isHeld, isFailing, lastSuccessAt } of mappings) {
      totalsOf(mapping);
      gauges.pending.set({ mapping }, pending);
      gauges.held.set({ mapping }, isHeld ? 1 : 0);
      gauges.failing.set({ mapping }, isFailing ? 1 : 0);
      if (lastSuccessAt !== undefined) gauges.success.set({ mapping }, lastSuccessAt / 1000);
    }
    for (const [mapping, { rounds, written, removed, conflicts, errors }] of totals) {
      for (const outcome of OUTCOMES) counters.rounds.inc({ mapping, outcome }, rounds[outcome]);
      for (const side of SIDES) counters.written.inc({ mapping, side }, written[side]);
      for (const side of SIDES) counters.removed.inc({ mapping, side }, removed[side]);
      for (const [code, times] of errors) counters.errors.inc({ mapping, code }, times);
      counters.conflicts.inc({ mapping }, conflicts);
    }
  }

  return {
    contentType: registry.contentType,
    roundEnded({ mapping, outcome, durationMs, written, removed, conflicts }) {
      const known = totalsOf(mapping);
      known.rounds[outcome]++;
      for (const side of SIDES) known.written[side] += written[side];
      for (const side of SIDES) known.removed[side] += removed[side];
      known.conflicts += conflicts;
      durations.observe({ mapping }, durationMs / 1000);
    },
    failed(mapping, code) {
      const { errors } = totalsOf(mapping);
      errors.set(code, (errors.get(code) ?? 0) + 1);
    },
    forget(mapping) {
      totals.delete(mapping);
      durations.remove({ mapping });
    },
    async render() {
      // All anew, so that what is no more is not shown.
      for (const metric of [...Object.values(counters), ...Object.values(gauges)]) metric.reset();
      const { accounts, mappings } = options.read();
      updateAccounts(accounts);
      updateMappings(mappings);
      memory.set(process.memoryUsage.rss());
      return registry.metrics();
    },
  };
}

function noTotals(): Totals {
  return {
    rounds: { done: 0, held: 0, failed: 0 },
    written: { local: 0, remote: 0 },
    removed: { local: 0, remote: 0 },
    errors: new Map(),
    conflicts: 0,
  };
}
