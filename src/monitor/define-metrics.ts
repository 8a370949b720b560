// Which metrics there are: their names, labels and what they mean.

import type {
  Counter as CounterOf,
  Gauge as GaugeOf,
  Histogram as HistogramOf,
  OpenMetricsContentType,
  Registry,
} from "prom-client";

/** From a round that finds nothing to do to a first one over a million keys. */
const ROUND_SECONDS = [0.1, 0.5, 1, 5, 15, 60, 300, 1800];

/** From loopback to a bulk write of 100 MB over a slow line. */
const ANSWER_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 100];

/** prom-client is loaded when somebody asks for metrics; these are its classes. */
export interface MetricClasses {
  readonly Counter: typeof CounterOf;
  readonly Gauge: typeof GaugeOf;
  readonly Histogram: typeof HistogramOf;
}

export type DefinedMetrics = ReturnType<typeof defineMetrics>;

export function defineMetrics(
  { Counter, Gauge, Histogram }: MetricClasses,
  registers: Registry<OpenMetricsContentType>[],
) {
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
    backupRuns: counter("backup_runs", "Runs of backups, by how they ended.", "backup", "outcome"),
    backupFailures: counter("backup_failures", "Runs of backups that failed, by code.", "backup", "code"),
    backupStored: counter("backup_stored_bytes", "Bytes that backups added to their repositories.", "backup"),
    noticesSent: counter("notices_sent", "Messages that those who are told have got.", "target"),
    noticesFailed: counter("notices_failed", "Tries to tell somebody that failed.", "target"),
    backupRead: counter("backup_values_read", "Values that backups read, since they were not stored yet.", "backup"),
  };
  const gauges = {
    budget: gauge("budget_requests_left", "Requests that the budget allows to be sent now.", "account"),
    pending: gauge("pending_changes", "Keys known to differ that no round has dealt with.", "mapping"),
    budgetSize: gauge("budget_requests", "Requests that the budget allows in its window.", "account"),
    held: gauge("mapping_held", "1 if the mapping waits for approval.", "mapping"),
    heldFor: gauge("mapping_held_seconds", "For how long the mapping has waited for approval.", "mapping"),
    paused: gauge("mapping_paused", "1 if the mapping is paused: nothing is done until it is resumed.", "mapping"),
    problems: gauge("problems", "Keys and files that cannot be synced as they are.", "mapping"),
    oldestProblem: gauge("oldest_problem_seconds", "For how long the oldest problem has lasted.", "mapping"),
    failing: gauge("mapping_failing", "1 if the last round of the mapping failed.", "mapping"),
    backupComplete: gauge(
      "backup_last_complete_timestamp_seconds",
      "When the last run began that left a complete snapshot of each source.",
      "backup",
    ),
    backupDuration: gauge("backup_duration_seconds", "How long the last run of the backup took.", "backup"),
    backupKeys: gauge("backup_keys", "Keys in the snapshots of the last run.", "backup"),
    backupFailing: gauge("backup_failing", "1 if the last run of the backup failed.", "backup"),
    drillProven: gauge("backup_drill_proven", "1 if the last drill brought every byte back.", "backup"),
    drillTime: gauge("backup_last_drill_timestamp_seconds", "When the last drill was held.", "backup"),
    migrationState: gauge("migration_state", "1 for the state that the migration is in.", "migration", "state"),
    migrationNamespaces: gauge(
      "migration_namespaces",
      "Namespaces of the migration: copied, waiting or failed.",
      "migration",
      "outcome",
    ),
    migrationKeys: gauge("migration_keys", "Keys that the pass under way has dealt with.", "migration"),
    migrationKeysTotal: gauge("migration_keys_expected", "Keys that the pass under way is about.", "migration"),
    migrationBytes: gauge("migration_bytes", "Bytes of values that the pass under way has carried.", "migration"),
    migrationMoved: gauge(
      "migration_last_progress_timestamp_seconds",
      "When the migration last dealt with a key.",
      "migration",
    ),
    migrationRetrying: gauge(
      "migration_retrying",
      "1 if the migration waits to try again what failed as a whole.",
      "migration",
    ),
    stuck: gauge("loop_stuck", "1 if the loop of a mapping or a backup shows no sign of life any more.", "loop"),
    noticesWaiting: gauge("notices_waiting", "Things that the message on its way tells.", "target"),
    noticesUndelivered: gauge(
      "notices_undelivered_seconds",
      "For how long nobody could be told; 0: the last message arrived.",
      "target",
    ),
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
  return {
    counters,
    gauges,
    durations,
    latencies,
    memory: gauge("resident_memory_bytes", "Memory that the process uses."),
    buildInfo: gauge("build_info", "1, with the version.", "version"),
  };
}
