// Which index objects may go, since newer ones tell all that they do, and which are to be merged into one. Pure.
//
// An object goes at least an hour after those that replace it were written: a listing that lags behind shows the old ones or
// the new ones, and never neither. Of two objects only the older may go on account of the other, so that two prunes at once
// cannot each remove what the other one kept.

import type { ByteCount, DurationMs, EpochMs } from "../../core/clock.ts";
import type { ObjectId } from "../repository/repository.ts";

export interface IndexObject {
  readonly id: ObjectId;
  readonly size: ByteCount;
  readonly modified: EpochMs;
  /** The packs that it names, whether they are there or not. */
  readonly packs: readonly ObjectId[];
}

export interface IndexPlan {
  readonly remove: readonly IndexObject[];
  /** To be written as one, without packs that are gone. Empty: nothing is to be merged. */
  readonly merge: readonly IndexObject[];
}

/** How long listings may lag behind, at most. */
const LAG_MS: DurationMs = 3_600_000;
/** A larger object is not read again to be merged. */
const SMALL_BYTES_MAX: ByteCount = 1_048_576;
/** So many small objects are merged: fewer cost a reader less than the merge does. */
const MERGED_MIN = 8;

export function planIndex(
  objects: readonly IndexObject[],
  { now, isThere }: { readonly now: EpochMs; readonly isThere: (pack: ObjectId) => boolean },
): IndexPlan {
  const newestFirst = objects.toSorted(byAge).toReversed();
  const [settled, any] = [new Set<ObjectId>(), new Set<ObjectId>()];
  const [remove, merge]: [IndexObject[], IndexObject[]] = [[], []];
  for (const object of newestFirst) {
    const packs = object.packs.filter(isThere);
    const isReplaced = packs.every((pack) => any.has(pack));
    if (packs.every((pack) => settled.has(pack))) remove.push(object);
    else if (!isReplaced && object.size <= SMALL_BYTES_MAX) merge.push(object);
    for (const pack of packs) {
      any.add(pack);
      if (object.modified <= now - LAG_MS) settled.add(pack);
    }
  }
  return { remove, merge: merge.length < MERGED_MIN ? [] : merge };
}

function byAge(a: IndexObject, b: IndexObject): number {
  return a.modified - b.modified || (a.id < b.id ? -1 : 1);
}
