// The values that were found sound last, with the sizes that snapshots say they have: those of one page are most of those of the next one that
// is looked at, the same page of another snapshot.

import type { ByteCount } from "../../core/clock.ts";
import type { ItemId } from "../repository/repository.ts";

export interface SoundValues {
  has(id: ItemId, size: ByteCount): boolean;
  add(id: ItemId, size: ByteCount): void;
}

/** Twice as many are remembered at most, in about 5 MB. */
const VALUES_MAX = 20_000;

export function openSoundValues(): SoundValues {
  let [recent, older] = [new Map<ItemId, ByteCount>(), new Map<ItemId, ByteCount>()];
  const add = (id: ItemId, size: ByteCount): void => {
    if (recent.size >= VALUES_MAX) [recent, older] = [new Map(), recent];
    recent.set(id, size);
  };
  return {
    has(id, size) {
      if (recent.get(id) === size) return true;
      if (older.get(id) !== size) return false;
      add(id, size);
      return true;
    },
    add,
  };
}
