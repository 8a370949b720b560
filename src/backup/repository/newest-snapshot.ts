// Which of several snapshots of one source is the newest. A clock may have been wrong when one was made, so times are believed last. Pure.
//
// - A snapshot is older than one that was made beside it (its parent is older than it), whatever their times say.
// - One whose time lies in the future, by the store's clock, is known to be newer than what it was made beside, and no more.
// - Of the rest, the newest is the one with the latest time.

import type { DurationMs, EpochMs } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import type { SnapshotSummary } from "./snapshots.ts";
import { timeOf } from "./snapshots.ts";

type Dated = Pick<SnapshotSummary, "id" | "parent" | "created" | "listed">;

/** The clocks of the servers of one store may differ by so much. */
const FUTURE_MS: DurationMs = 60_000;

/** `now`: by the store's clock. Undefined: there is none. */
export function newestOf<S extends Dated>(snapshots: readonly S[], now: EpochMs): S | undefined {
  const parents = new Set(snapshots.map(({ parent }) => parent));
  const byId = new Map(snapshots.map((snapshot) => [snapshot.id as string | null, snapshot]));
  /** Of the first one before it whose time is not in the future. */
  const believed = (snapshot: S): number => {
    let each: S | undefined = snapshot;
    while (each !== undefined && isOfFuture(each, now)) each = byId.get(each.parent);
    return each === undefined ? 0 : timeOf(each);
  };
  let newest: S | undefined;
  for (const other of snapshots) {
    if (parents.has(other.id)) continue;
    const later = newest === undefined ? 1 : believed(other) - believed(newest) || timeOf(other) - timeOf(newest);
    if (later >= 0) newest = other;
  }
  return newest;
}

function isOfFuture(snapshot: Dated, now: EpochMs): boolean {
  return timeOf(snapshot) > now + FUTURE_MS;
}

/** What is to be said of those that are of the future, a line each. `taken`: the one that is taken for the newest. */
export function tellFuture<S extends Dated & Pick<SnapshotSummary, "source">>(
  snapshots: readonly S[],
  taken: S,
  now: EpochMs,
): readonly string[] {
  return snapshots
    .filter((snapshot) => isOfFuture(snapshot, now))
    .map(({ id, created, source }) => {
      const what = `snapshot ${id.slice(0, 8)} of ${visible(source.label)} is of the future (${created}): a clock was wrong when it was made`;
      return id === taken.id
        ? `${what}. It is taken all the same, since there is none that is newer`
        : `${what}. ${taken.id.slice(0, 8)} is taken for the latest one`;
    });
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
