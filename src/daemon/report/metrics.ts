// What the daemon counts, as OpenMetrics or in the older text format, for Prometheus and the like. Requests, budgets and states are read when they
// are asked for; rounds and errors are told as they happen. prom-client is loaded with the first metrics: 37 ms.

import type { OpenMetricsContentType } from "prom-client";
import type { Clock, DurationMs, EpochMs } from "../../core/clock.ts";
import { OPERATIONS, type RequestCounts } from "../../kv/kv-api.ts";
import type { AnswerEvent } from "../../kv/request-loop.ts";
import { openProcessMetrics } from "./process-metrics.ts";

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
  /** Requests in a window of time; Infinity: there is no limit. */
  readonly budgetSize: number;
}

interface MappingMetrics {
  readonly name: string;
  /** Keys known to differ that no round has dealt with. */
  readonly pending: number;
  readonly isHeld: boolean;
  /** For how long it has waited for approval; 0: it does not. */
  readonly heldMs: DurationMs;
  /** Keys that cannot be synced as they are. */
  readonly problems: number;
  /** For how long the oldest of them has been one; 0: there is none. */
  readonly oldestProblemMs: DurationMs;
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
  roundEnded(round: RoundMetrics): void;
  /** `code`: an AppError's, or a problem's. */
  failed(mapping: string, code: string): void;
  /** A request got this answer, after so long. */
  answered(account: string, event: AnswerEvent): void;
  /** A request has waited for the budget, so long. */
  waited(account: string, waitedMs: DurationMs): void;
  /** A mapping that is no more leaves nothing behind. */
  forget(mapping: string): void;
  render(format?: MetricsFormat): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** `text`: what is older than OpenMetrics, and what tools take that do not ask for it. */
type MetricsFormat = "openmetrics" | "text";

const SIDES = ["local", "remote"] as const;
const OUTCOMES = ["done", "held", "failed"] as const;
/** From a round that finds nothing to do to a first one over a million keys. */
const ROUND_SECONDS = [0.1, 0.5, 1, 5, 15, 60, 300, 1800];

/** From loopback to a bulk write of 100 MB over a slow line. */
const ANSWER_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 100];

/** What one mapping has done since the process started. */
interface Totals {
  readonly rounds: Record<RoundMetrics["outcome"], number>;
  readonly written: Record<keyof SideCounts, number>;
  readonly removed: Record<keyof SideCounts, number>;
  readonly errors: Map<string, number>;
  conflicts: number;
}

/** What was said to an account's API since the process started. */
interface Talk {
  waitedMs: DurationMs;
  /** By operation and status. */
  readonly answers: Map<string, Answers>;
}

interface Answers extends Pick<AnswerEvent, "operation" | "status"> {
  readonly times: number;
}

export async function openMetrics(options: {
  readonly clock: Clock;
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
    answers: counter("answers", "Answers of the API, by HTTP status; 0: none.", "account", "operation", "status"),
    waits: counter("budget_wait_seconds", "Time that requests have waited for the budget.", "account"),
    rounds: counter("rounds", "Rounds, by how they ended.", "mapping", "outcome"),
    written: counter("keys_written", "Keys or files written, by the side they were written to.", "mapping", "side"),
    removed: counter("keys_removed", "Keys or files removed, by the side they were removed from.", "mapping", "side"),
    conflicts: counter("conflicts", "Keys that both sides had changed.", "mapping"),
    errors: counter("errors", "Rounds and keys that failed, by code.", "mapping", "code"),
  };
  const gauges = {
    budget: gauge("budget_requests_left", "Requests that the budget allows to be sent now.", "account"),
    pending: gauge("pending_changes", "Keys known to differ that no round has dealt with.", "mapping"),
    budgetSize: gauge("budget_requests", "Requests that the budget allows in its window.", "account"),
    held: gauge("mapping_held", "1 if the mapping waits for approval.", "mapping"),
    heldFor: gauge("mapping_held_seconds", "For how long the mapping has waited for approval.", "mapping"),
    problems: gauge("problems", "Keys and files that cannot be synced as they are.", "mapping"),
    oldestProblem: gauge("oldest_problem_seconds", "For how long the oldest problem has lasted.", "mapping"),
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
  const latencies = new Histogram({
    name: "kvsync_request_duration_seconds",
    help: "How long requests took, from when they were sent to when their answer was read.",
    labelNames: ["account", "operation"],
    buckets: ANSWER_SECONDS,
    registers,
  });
  const updateProcess = openProcessMetrics(options.clock, { Counter, Gauge }, registers);
  const memory = gauge("resident_memory_bytes", "Memory that the process uses.");
  gauge("build_info", "1, with the version.", "version").set({ version: options.version }, 1);

  /** One at a time: each begins with what it counts at zero. */
  let rendering: Promise<unknown> = Promise.resolve();
  const totals = new Map<string, Totals>();
  const totalsOf = (mapping: string): Totals => {
    const known = totals.get(mapping) ?? noTotals();
    totals.set(mapping, known);
    return known;
  };

  const talks = new Map<string, Talk>();
  const talksOf = (account: string): Talk => {
    const known = talks.get(account) ?? { waitedMs: 0, answers: new Map<string, Answers>() };
    talks.set(account, known);
    return known;
  };

  function updateAccounts(accounts: readonly AccountMetrics[]): void {
    for (const account of talks.keys()) {
      if (accounts.some(({ name }) => name === account)) continue;
      talks.delete(account);
      for (const operation of OPERATIONS) latencies.remove({ account, operation });
    }
    for (const { name: account, requests, budgetLeft, budgetSize } of accounts) {
      for (const operation of OPERATIONS) counters.requests.inc({ account, operation }, requests[operation]);
      counters.retries.inc({ account }, requests.retries);
      counters.sent.inc({ account }, requests.bytesUp);
      counters.received.inc({ account }, requests.bytesDown);
      if (Number.isFinite(budgetLeft)) gauges.budget.set({ account }, budgetLeft);
      if (Number.isFinite(budgetSize)) gauges.budgetSize.set({ account }, budgetSize);
      const { waitedMs, answers } = talksOf(account);
      counters.waits.inc({ account }, waitedMs / 1000);
      for (const { operation, status, times } of answers.values())
        counters.answers.inc({ account, operation, status: String(status) }, times);
    }
  }

  function updateMappings(mappings: readonly MappingMetrics[]): void {
    for (const {
      name: mapping,
      pending,
      isHeld,
      heldMs,
      isFailing,
      problems,
      oldestProblemMs,
      lastSuccessAt,
    } of mappings) {
      totalsOf(mapping);
      gauges.heldFor.set({ mapping }, heldMs / 1000);
      gauges.problems.set({ mapping }, problems);
      gauges.oldestProblem.set({ mapping }, oldestProblemMs / 1000);
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
    answered(account, { operation, status, durationMs }) {
      const { answers } = talksOf(account);
      const name = `${operation} ${status}`;
      answers.set(name, { operation, status, times: (answers.get(name)?.times ?? 0) + 1 });
      latencies.observe({ account, operation }, durationMs / 1000);
    },
    waited(account, waitedMs) {
      talksOf(account).waitedMs += waitedMs;
    },
    forget(mapping) {
      totals.delete(mapping);
      durations.remove({ mapping });
    },
    render(format = "openmetrics") {
      const rendered = rendering.then(() => render(format));
      rendering = rendered.catch(() => {});
      return rendered;
    },
  };

  async function render(format: MetricsFormat): Promise<{ readonly contentType: string; readonly text: string }> {
    // All anew, so that what is no more is not shown.
    for (const metric of [...Object.values(counters), ...Object.values(gauges)]) metric.reset();
    const { accounts, mappings } = options.read();
    updateAccounts(accounts);
    updateMappings(mappings);
    memory.set(process.memoryUsage.rss());
    updateProcess();
    const text = await registry.metrics();
    if (format === "openmetrics") return { contentType: registry.contentType, text };
    return { contentType: Registry.PROMETHEUS_CONTENT_TYPE, text: olderText(text) };
  }
}

/** OpenMetrics in the older format: there a counter is called by its name with `_total`, and nothing marks the end. A registry
 * of prom-client that has rendered the one cannot render the other, since it renames its counters. */
function olderText(openMetrics: string): string {
  const counters = [...openMetrics.matchAll(/^# TYPE (\S+) counter$/gm)].map(([, name]) => name!);
  const names = new Set(counters);
  return openMetrics
    .replaceAll(/^# (HELP|TYPE) (\S+)/gm, (line, _, name: string) => (names.has(name) ? `${line}_total` : line))
    .replace(/# EOF\n$/, "");
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
