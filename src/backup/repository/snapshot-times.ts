// When each of several snapshots was made, and so which of them is the newest, or the last one up to a time. There is one rule, by which
// they are found, shown in order and forgotten: a snapshot's time is when it was made, by the clock of the store. That clock may have been
// wrong, too. Pure.
//
// - A snapshot is newer than the one that it was made beside (its parent): it has no earlier time than that.
// - One whose time lies in the future is known to be newer than its parent, and no more: it has its parent's time.
// - Of two of one time, the newer is the one that was made beside more others, and then the one whose own time is later.

import type { DurationMs, EpochMs } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import type { SnapshotSummary } from "./snapshots.ts";

type Dated = Pick<SnapshotSummary, "id" | "parent" | "created">;

/** The clocks of the servers of one store may differ by so much. */
const FUTURE_MS: DurationMs = 60_000;

export interface TimedSnapshot<S> {
  readonly snapshot: S;
  /** 0: it lies in the future, and nothing that it was made beside is known. */
  readonly time: EpochMs;
  /** As it names it itself. */
  readonly own: EpochMs;
  readonly isFuture: boolean;
  /** It was made beside this one, which names a later time. */
  readonly after: S | undefined;
}

/** The oldest first. `now`: by the store's clock. */
export function timeSnapshots<S extends Dated>(snapshots: readonly S[], now: EpochMs): readonly TimedSnapshot<S>[] {
  const known = new Map<string | null, TimedSnapshot<S> & { readonly depth: number }>();
  for (const snapshot of parentsFirst(snapshots)) {
    const parent = known.get(snapshot.parent);
    const own = Date.parse(snapshot.created) as EpochMs;
    const isFuture = own > now + FUTURE_MS;
    const least = parent?.time ?? (0 as EpochMs);
    const after = !isFuture && own < least ? parent?.snapshot : undefined;
    const time = isFuture || own < least ? least : own;
    known.set(snapshot.id, { snapshot, time, own, isFuture, after, depth: (parent?.depth ?? 0) + 1 });
  }
  return [...known.values()].toSorted(
    (a, b) => a.time - b.time || a.depth - b.depth || a.own - b.own || (a.snapshot.id < b.snapshot.id ? -1 : 1),
  );
}

/** Undefined: there is none. */
export function newestOf<S extends Dated>(snapshots: readonly S[], now: EpochMs): S | undefined {
  return timeSnapshots(snapshots, now).at(-1)?.snapshot;
}

/** The last one up to `until`, and what is to be said of those whose own time is not believed, a line each. Undefined: there is none. */
export function lastUntil<S extends Dated & Pick<SnapshotSummary, "source">>(
  snapshots: readonly S[],
  until: EpochMs,
  now: EpochMs,
): { readonly snapshot: S; readonly warnings: readonly string[] } | undefined {
  const timed = timeSnapshots(snapshots, now);
  const last = timed.findLast(({ time, own, isFuture }) => (isFuture ? own : time) <= until);
  if (last === undefined) return undefined;
  const warnings = timed
    .filter(({ own, time, isFuture }) => own <= until && (isFuture || time > until))
    .map((each) => tellDoubt(each, last.snapshot));
  return { snapshot: last.snapshot, warnings };
}

function tellDoubt<S extends Dated & Pick<SnapshotSummary, "source">>(
  { snapshot: { id, created, source }, after }: TimedSnapshot<S>,
  taken: S,
): string {
  const what = `snapshot ${id.slice(0, 8)} of ${visible(source.label)}`;
  if (after !== undefined)
    return `${what} (${created}) was made after ${after.id.slice(0, 8)} (${after.created}): a clock was wrong. ${taken.id.slice(0, 8)} is taken for the last one up to then`;
  const future = `${what} is of the future (${created}): a clock was wrong when it was made`;
  return id === taken.id
    ? `${future}. It is taken all the same, since there is none that is newer`
    : `${future}. ${taken.id.slice(0, 8)} is taken for the latest one`;
}

/** What is to be said beside a time that is not believed, a few words; undefined: it is. */
export function renderDoubt<S extends Dated>({ isFuture, after }: TimedSnapshot<S>): string | undefined {
  if (isFuture) return "of the future";
  return after && `made after ${after.id.slice(0, 8)}: a clock was wrong`;
}

/** As they were given, but none before its parent. */
export function parentsFirst<S extends Pick<SnapshotSummary, "id" | "parent">>(snapshots: readonly S[]): readonly S[] {
  const byId = new Map(snapshots.map((snapshot) => [snapshot.id as string | null, snapshot]));
  const placed = new Set<S>();
  for (const snapshot of snapshots) {
    const line: S[] = [];
    for (let each: S | undefined = snapshot; each !== undefined && !placed.has(each); each = byId.get(each.parent))
      line.push(each);
    for (const each of line.toReversed()) placed.add(each);
  }
  return [...placed];
}
