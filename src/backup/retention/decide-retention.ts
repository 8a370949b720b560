// Which snapshots `forget` keeps, and why. Pure: the decision for each snapshot, of rules, snapshots, a time and a time zone.
//
// - Each source decides for itself: an account, a namespace, a prefix and a filter. The machine that made a snapshot is no part of it.
// - A snapshot that any rule keeps is kept. Rules of periods keep the newest of each; as long as they may keep more they also
//   keep the oldest snapshot, so that the history reaches back as far as it can. This is restic's meaning.
// - An incomplete snapshot takes nobody's place: no rule counts it, and only a tag keeps it. While nothing complete is newer it is kept.
// - The last complete snapshot of a source is kept, whatever the rules.
// - They go in the order of their times (snapshot-times.ts): one whose clock was behind is no older than what it was made beside.
// - A snapshot of the future is kept and takes nobody's place, either: a clock was wrong once, and no backup that is made since may go for it.

import type { EpochMs } from "../../core/clock.ts";
import { type CalendarSpan, renderCalendarSpan, spanBefore } from "../../core/calendar-span.ts";
import type { RetentionPeriod, RetentionRule } from "../../core/retention-rule.ts";
import { timeSnapshots } from "../repository/snapshot-times.ts";
import type { StoredSnapshot } from "../repository/repository.ts";
import { openCalendar, type PeriodOf } from "./calendar-periods.ts";

export type RetentionSnapshot = Pick<
  StoredSnapshot,
  "id" | "created" | "parent" | "complete" | "tags" | "source" | "filter"
>;

export interface SnapshotVerdict<S extends RetentionSnapshot> {
  readonly snapshot: S;
  readonly isKept: boolean;
  /** Why it is kept, a few words each; or, of one that is not kept, why not where that is not plain. */
  readonly reasons: readonly string[];
}

export interface SourceVerdict<S extends RetentionSnapshot> {
  /** `prod:app-config`, as the newest snapshot has it. */
  readonly label: string;
  /** The newest first. */
  readonly verdicts: readonly SnapshotVerdict<S>[];
  /** Snapshots whose time is later than now: somebody's clock was wrong. */
  readonly future: readonly S[];
}

export interface RetentionTime {
  readonly now: EpochMs;
  readonly timeZone: string;
}

/** A verdict for each snapshot, by source. The sources are in the order of their labels. `rules` are not empty. */
export function decideRetention<S extends RetentionSnapshot>(
  snapshots: readonly S[],
  rules: readonly RetentionRule[],
  { now, timeZone }: RetentionTime,
): readonly SourceVerdict<S>[] {
  const periodOf = openCalendar(timeZone);
  return groupBySource(snapshots).map((group) => {
    const timed = timeSnapshots(group, now).toReversed();
    const newest = timed.map(({ snapshot }) => snapshot);
    const future = timed.filter(({ isFuture }) => isFuture).map(({ snapshot }) => snapshot);
    const times = new Map<RetentionSnapshot, EpochMs>(timed.map(({ snapshot, time }) => [snapshot, time]));
    const reasons = keepReasons(newest, rules, { future, periodOf, timeOf: (snapshot) => times.get(snapshot)! });
    const verdicts = newest.map((snapshot) => {
      const why = reasons.get(snapshot) ?? [];
      return why.length > 0
        ? { snapshot, isKept: true, reasons: why }
        : { snapshot, isKept: false, reasons: snapshot.complete ? [] : ["incomplete"] };
    });
    return { label: newest[0]?.source.label ?? "", verdicts, future };
  });
}

/** What two snapshots have in common that are of one source. A namespace goes by its ids: titles may change. */
export function sourceKey({ source, filter }: Pick<StoredSnapshot, "source" | "filter">): string {
  const { account, accountId, namespace, prefix, label } = source;
  return JSON.stringify([accountId ?? account, namespace ?? label, prefix, filter ?? null]);
}

function groupBySource<S extends RetentionSnapshot>(snapshots: readonly S[]): readonly (readonly S[])[] {
  const groups = Map.groupBy(snapshots, sourceKey);
  const inOrder = [...groups].toSorted(([a, [first]], [b, [second]]) => {
    const [left, right] = [first?.source.label ?? "", second?.source.label ?? ""];
    return left === right ? (a < b ? -1 : 1) : left < right ? -1 : 1;
  });
  return inOrder.map(([, group]) => group);
}

interface Calendar {
  /** Of these snapshots no rule is asked. */
  readonly future: readonly RetentionSnapshot[];
  readonly periodOf: PeriodOf;
  readonly timeOf: (snapshot: RetentionSnapshot) => EpochMs;
}

/** Of `newest`, the snapshots of one source with the newest first: those that are kept, and why. */
function keepReasons<S extends RetentionSnapshot>(
  newest: readonly S[],
  rules: readonly RetentionRule[],
  calendar: Calendar,
): ReadonlyMap<S, readonly string[]> {
  const reasons = new Map<S, string[]>();
  const keep = (snapshot: S, why: string): void => void reasons.set(snapshot, [...(reasons.get(snapshot) ?? []), why]);
  const present = newest.filter((snapshot) => !calendar.future.includes(snapshot));
  const complete = present.filter((snapshot) => snapshot.complete);
  for (const snapshot of newest) if (!present.includes(snapshot)) keep(snapshot, "of the future");
  for (const rule of rules) {
    const counted = rule.kind === "tags" ? present : complete;
    for (const [snapshot, why] of keptBy(rule, counted, calendar)) keep(snapshot, why);
  }
  const [last] = complete;
  if (last !== undefined && !reasons.has(last)) keep(last, "the last complete one");
  for (const snapshot of present.slice(0, last === undefined ? present.length : present.indexOf(last))) {
    keep(
      snapshot,
      last === undefined ? "incomplete, but nothing is complete" : "incomplete, but nothing complete is newer",
    );
  }
  return reasons;
}

function* keptBy<S extends RetentionSnapshot>(
  rule: RetentionRule,
  newest: readonly S[],
  { periodOf, timeOf }: Calendar,
): Iterable<readonly [S, string]> {
  switch (rule.kind) {
    case "last":
      for (const snapshot of newest.slice(0, rule.count)) yield [snapshot, "last"];
      return;
    case "periods":
      yield* newestOfEach(newest, { ...rule, oldest: newest.at(-1), periodOf, timeOf });
      return;
    case "within":
      for (const snapshot of within(newest, rule, timeOf)) yield [snapshot, `within ${renderCalendarSpan(rule.span)}`];
      return;
    case "periods-within":
      for (const [snapshot, why] of newestOfEach(within(newest, rule, timeOf), {
        period: rule.period,
        count: Infinity,
        oldest: newest.at(-1),
        periodOf,
        timeOf,
      }))
        yield [snapshot, `${why} within ${renderCalendarSpan(rule.span)}`];
      return;
    case "tags":
      for (const snapshot of newest) {
        if (rule.tags.every((tag) => snapshot.tags.includes(tag))) yield [snapshot, `tag ${rule.tags.join(",")}`];
      }
  }
}

interface EachPeriod<S> {
  readonly period: RetentionPeriod;
  readonly count: number;
  /** Of all complete snapshots of the source: kept too while there are fewer than `count`. */
  readonly oldest: S | undefined;
  readonly periodOf: PeriodOf;
  readonly timeOf: Calendar["timeOf"];
}

function* newestOfEach<S extends RetentionSnapshot>(
  newest: readonly S[],
  { period, count, oldest, periodOf, timeOf }: EachPeriod<S>,
): Iterable<readonly [S, string]> {
  let left = count;
  let previous: string | undefined;
  for (const snapshot of newest) {
    if (left === 0) return;
    const current = periodOf(period, timeOf(snapshot));
    if (current === previous && snapshot !== oldest) continue;
    yield [snapshot, current === previous ? `oldest ${period}` : period];
    previous = current;
    left--;
  }
}

/** Counted back from the newest, so that nothing goes while no backup is made. */
function within<S extends RetentionSnapshot>(
  newest: readonly S[],
  { span }: { readonly span: CalendarSpan },
  timeOf: Calendar["timeOf"],
): readonly S[] {
  const [latest] = newest;
  if (latest === undefined) return newest;
  const start = spanBefore(span, timeOf(latest));
  return newest.filter((snapshot) => timeOf(snapshot) > start);
}
