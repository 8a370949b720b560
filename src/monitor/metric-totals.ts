// What has happened since the process began, by mapping and by account: what counters count up from.

import type { DurationMs } from "../core/clock.ts";
import type { AnswerEvent } from "../kv/request-loop.ts";

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

/** What one mapping has done since the process started. */
export interface Totals {
  readonly rounds: Record<RoundMetrics["outcome"], number>;
  readonly written: Record<keyof SideCounts, number>;
  readonly removed: Record<keyof SideCounts, number>;
  readonly errors: Map<string, number>;
  conflicts: number;
}

/** What was said to an account's API since the process started. */
export interface Talk {
  waitedMs: DurationMs;
  /** By operation and status. */
  readonly answers: Map<string, Answers>;
}

interface Answers extends Pick<AnswerEvent, "operation" | "status"> {
  readonly times: number;
}

export const SIDES = ["local", "remote"] as const;

/** What is known under `name`; what it begins with, if that is nothing. */
export function known<T>(all: Map<string, T>, name: string, begin: () => T): T {
  const found = all.get(name) ?? begin();
  all.set(name, found);
  return found;
}

export function noTotals(): Totals {
  return {
    rounds: { done: 0, held: 0, failed: 0 },
    written: { local: 0, remote: 0 },
    removed: { local: 0, remote: 0 },
    errors: new Map(),
    conflicts: 0,
  };
}

export function noTalk(): Talk {
  return { waitedMs: 0, answers: new Map() };
}

export function addRound(
  totals: Totals,
  { outcome, written, removed, conflicts }: Pick<RoundMetrics, "outcome" | "written" | "removed" | "conflicts">,
): void {
  totals.rounds[outcome]++;
  for (const side of SIDES) totals.written[side] += written[side];
  for (const side of SIDES) totals.removed[side] += removed[side];
  totals.conflicts += conflicts;
}

export function addAnswer({ answers }: Talk, { operation, status }: Pick<AnswerEvent, "operation" | "status">): void {
  const name = `${operation} ${status}`;
  answers.set(name, { operation, status, times: (answers.get(name)?.times ?? 0) + 1 });
}
