// What the daemon counts, and a migration, as OpenMetrics or in the older text format, for Prometheus and the like. Requests, budgets and states are read when they
// are asked for; rounds and errors are told as they happen. prom-client is loaded with the first metrics: 37 ms.

import type { OpenMetricsContentType } from "prom-client";
import type { Clock, DurationMs, EpochMs } from "../core/clock.ts";
import { OPERATIONS, type RequestCounts } from "../kv/kv-api.ts";
import type { AnswerEvent } from "../kv/request-loop.ts";
import type { BackupMemory } from "../backups/backup-memory.ts";
import type { BackupStatus } from "../backups/backup-status.ts";
import { addBackup, type BackupTotals, noBackups, showBackup } from "./backup-metrics.ts";
import { type DefinedMetrics, defineMetrics } from "./define-metrics.ts";
import {
  addAnswer,
  addRound,
  known,
  noTalk,
  noTotals,
  type RoundMetrics,
  SIDES,
  type Talk,
  type Totals,
} from "./metric-totals.ts";
import type { LoopHealth } from "./health.ts";
import { type MigrationMetrics, showMigration } from "./migration-metrics.ts";
import { openProcessMetrics } from "./process-metrics.ts";

/** What is true at the moment of asking. */
export interface MetricsSnapshot {
  readonly accounts: readonly AccountMetrics[];
  readonly mappings: readonly MappingMetrics[];
  readonly backups: readonly BackupStatus[];
  /** Of a process that consists of some. */
  readonly loops?: readonly LoopHealth[];
  /** Of a process that tells somebody. */
  readonly notices?: readonly NoticeMetrics[];
  /** Of a process that runs one. */
  readonly migrations?: readonly MigrationMetrics[];
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
  /** Nothing is done until a person resumes it. */
  readonly isPaused: boolean;
  /** Its last round failed. */
  readonly isFailing: boolean;
  /** When a round last found, or brought, both sides in step; undefined: not yet. */
  readonly lastSuccessAt: EpochMs | undefined;
}

interface NoticeMetrics {
  readonly target: string;
  readonly sent: number;
  readonly failed: number;
  readonly waiting: number;
  /** For how long nobody could be told; 0: the last message arrived. */
  readonly undeliveredMs: DurationMs;
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
  backupEnded(backup: string, memory: Pick<BackupMemory, "lastRun" | "failure">): void;
  forgetBackup(backup: string): void;
  render(format?: MetricsFormat): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** `text`: what is older than OpenMetrics, and what tools take that do not ask for it. */
type MetricsFormat = "openmetrics" | "text";

const OUTCOMES = ["done", "held", "failed"] as const;
export async function openMetrics(options: {
  readonly clock: Clock;
  readonly version: string;
  readonly read: () => MetricsSnapshot;
}): Promise<Metrics> {
  const { Counter, Gauge, Histogram, Registry } = await import("prom-client");
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const registers = [registry];
  const defined = defineMetrics({ Counter, Gauge, Histogram }, registers);
  const updateProcess = openProcessMetrics(options.clock, { Counter, Gauge }, registers);
  const { counters, gauges, durations, latencies, memory } = defined;
  defined.buildInfo.set({ version: options.version }, 1);

  const forgetAccount = (account: string): void => {
    talks.delete(account);
    for (const operation of OPERATIONS) latencies.remove({ account, operation });
  };
  /** One at a time: each begins with what it counts at zero. */
  let rendering: Promise<unknown> = Promise.resolve();
  const totals = new Map<string, Totals>();
  const totalsOf = (mapping: string): Totals => known(totals, mapping, noTotals);
  const talks = new Map<string, Talk>();
  const backupTotals = new Map<string, BackupTotals>();
  const talksOf = (account: string): Talk => known(talks, account, noTalk);

  return {
    roundEnded({ mapping, outcome, durationMs, written, removed, conflicts }) {
      addRound(totalsOf(mapping), { outcome, written, removed, conflicts });
      durations.observe({ mapping }, durationMs / 1000);
    },
    failed(mapping, code) {
      const { errors } = totalsOf(mapping);
      errors.set(code, (errors.get(code) ?? 0) + 1);
    },
    answered(account, { operation, status, durationMs }) {
      addAnswer(talksOf(account), { operation, status });
      latencies.observe({ account, operation }, durationMs / 1000);
    },
    waited(account, waitedMs) {
      talksOf(account).waitedMs += waitedMs;
    },
    forget(mapping) {
      totals.delete(mapping);
      durations.remove({ mapping });
    },
    backupEnded: (backup, memory) => addBackup(known(backupTotals, backup, noBackups), memory),
    forgetBackup: (backup) => void backupTotals.delete(backup),
    render(format = "openmetrics") {
      const rendered = rendering.then(() => render(format));
      rendering = rendered.catch(() => {});
      return rendered;
    },
  };

  async function render(format: MetricsFormat): Promise<{ readonly contentType: string; readonly text: string }> {
    // All anew, so that what is no more is not shown.
    for (const metric of [...Object.values(counters), ...Object.values(gauges)]) metric.reset();
    const { accounts, mappings, backups, loops = [], notices = [], migrations = [] } = options.read();
    for (const account of talks.keys()) if (!accounts.some(({ name }) => name === account)) forgetAccount(account);
    for (const account of accounts) showAccount(account, talksOf(account.name), defined);
    for (const mapping of mappings) showMapping(mapping, defined);
    for (const { name } of mappings) totalsOf(name);
    for (const [mapping, total] of totals) showTotals(mapping, total, defined);
    for (const backup of backups) showBackup(backup, known(backupTotals, backup.backup, noBackups), defined);
    for (const { name, isAlive } of loops) gauges.stuck.set({ loop: name }, isAlive ? 0 : 1);
    for (const notice of notices) showNotices(notice, defined);
    for (const migration of migrations) showMigration(migration, defined);
    memory.set(process.memoryUsage.rss());
    updateProcess();
    const text = await registry.metrics();
    if (format === "openmetrics") return { contentType: registry.contentType, text };
    return { contentType: Registry.PROMETHEUS_CONTENT_TYPE, text: olderText(text) };
  }
}

function showAccount(
  { name: account, requests, budgetLeft, budgetSize }: AccountMetrics,
  { waitedMs, answers }: Talk,
  { counters, gauges }: DefinedMetrics,
): void {
  for (const operation of OPERATIONS) counters.requests.inc({ account, operation }, requests[operation]);
  counters.retries.inc({ account }, requests.retries);
  counters.sent.inc({ account }, requests.bytesUp);
  counters.received.inc({ account }, requests.bytesDown);
  if (Number.isFinite(budgetLeft)) gauges.budget.set({ account }, budgetLeft);
  if (Number.isFinite(budgetSize)) gauges.budgetSize.set({ account }, budgetSize);
  counters.waits.inc({ account }, waitedMs / 1000);
  for (const { operation, status, times } of answers.values())
    counters.answers.inc({ account, operation, status: String(status) }, times);
}

function showMapping(
  {
    name: mapping,
    pending,
    isHeld,
    heldMs,
    isPaused,
    isFailing,
    problems,
    oldestProblemMs,
    lastSuccessAt,
  }: MappingMetrics,
  { gauges }: DefinedMetrics,
): void {
  gauges.heldFor.set({ mapping }, heldMs / 1000);
  gauges.problems.set({ mapping }, problems);
  gauges.oldestProblem.set({ mapping }, oldestProblemMs / 1000);
  gauges.pending.set({ mapping }, pending);
  gauges.held.set({ mapping }, isHeld ? 1 : 0);
  gauges.paused.set({ mapping }, isPaused ? 1 : 0);
  gauges.failing.set({ mapping }, isFailing ? 1 : 0);
  if (lastSuccessAt !== undefined) gauges.success.set({ mapping }, lastSuccessAt / 1000);
}

function showNotices(
  { target, sent, failed, waiting, undeliveredMs }: NoticeMetrics,
  { counters, gauges }: DefinedMetrics,
): void {
  counters.noticesSent.inc({ target }, sent);
  counters.noticesFailed.inc({ target }, failed);
  gauges.noticesWaiting.set({ target }, waiting);
  gauges.noticesUndelivered.set({ target }, undeliveredMs / 1000);
}

function showTotals(
  mapping: string,
  { rounds, written, removed, conflicts, errors }: Totals,
  { counters }: DefinedMetrics,
): void {
  for (const outcome of OUTCOMES) counters.rounds.inc({ mapping, outcome }, rounds[outcome]);
  for (const side of SIDES) counters.written.inc({ mapping, side }, written[side]);
  for (const side of SIDES) counters.removed.inc({ mapping, side }, removed[side]);
  for (const [code, times] of errors) counters.errors.inc({ mapping, code }, times);
  counters.conflicts.inc({ mapping }, conflicts);
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
