// Items of the trash that a restore which runs is still to bring back: they are not removed meanwhile, neither by a person who empties the trash,
// nor for their age or the room they take. In memory, since it ends with the process that holds the journal. Who asked for them may have gone away
// without a word, so they are needed for some minutes after the last sign of life.

import type { DurationMs, MonotonicMs } from "../core/clock.ts";

export interface NeededItems {
  /** These, besides those that are needed already, until {@link NEEDED_MS} from `now`. */
  add(ids: readonly number[], now: MonotonicMs): void;
  /** These have been brought back. The others are needed from `now` on for as long as if they had just been added. */
  release(ids: readonly number[], now: MonotonicMs): void;
  isNeeded(id: number, now: MonotonicMs): boolean;
}

/** A call restores 200 files, which may take minutes on a slow disk. */
const NEEDED_MS: DurationMs = 900_000;

export function openNeededItems(): NeededItems {
  const needed = new Set<number>();
  let until = -Infinity;
  const dropOld = (now: MonotonicMs): void => {
    if (now > until) needed.clear();
  };
  return {
    add(ids, now) {
      dropOld(now);
      for (const id of ids) needed.add(id);
      until = now + NEEDED_MS;
    },
    release(ids, now) {
      for (const id of ids) needed.delete(id);
      until = now + NEEDED_MS;
    },
    isNeeded(id, now) {
      dropOld(now);
      return needed.has(id);
    },
  };
}
