// How much of each pack is needed. Of an item in several packs one pack is to keep it: the largest without a mark, and of equal ones
// the one with the lower name, so that all who prune choose alike. A pack that was cut keeps what no other has. A marked pack keeps nothing.

import type { EpochMs } from "../../core/clock.ts";
import type { LoadedIndex, ObjectId, PackFacts, Place } from "../repository/repository.ts";
import type { NeededItems } from "./needed-items.ts";
import type { PackUse } from "./plan-prune.ts";

/** Tells `needed` what is kept. `marks`: when each marked pack was marked. What was marked since they were listed was so at `now`. */
export function measurePacks(
  index: LoadedIndex,
  needed: NeededItems,
  { marks, now }: { readonly marks: ReadonlyMap<ObjectId, EpochMs>; readonly now: EpochMs },
): readonly PackUse[] {
  return [...index.packs()].toSorted(inOrder).map(({ isMarked, pack, size, modified }) => {
    const facts = { pack, size, modified };
    const marked = marks.get(pack) ?? (isMarked ? now : undefined);
    if (marked !== undefined) return { ...facts, marked, needed: 0, unused: facts.size };
    const share = measure(index, needed, facts.pack);
    // What a pack holds beside its blocks is too little to count; one that no index names is all unused.
    return { ...facts, marked, ...(share ?? { needed: 0, unused: facts.size }) };
  });
}

type Measured = PackFacts & { readonly isCut: boolean };

function inOrder(a: Measured, b: Measured): number {
  return Number(a.isCut) - Number(b.isCut) || b.size - a.size || (a.pack < b.pack ? -1 : 1);
}

/** Undefined: there is no item in the pack. */
function measure(
  index: LoadedIndex,
  items: NeededItems,
  pack: ObjectId,
): Pick<PackUse, "needed" | "unused"> | undefined {
  let [needed, unused] = [0, 0];
  let isEmpty = true;
  for (const { id, place } of index.itemsOf(pack)) {
    isEmpty = false;
    if (items.keep(id, place.base === undefined)) needed += storedShare(place);
    else unused += storedShare(place);
  }
  return isEmpty ? undefined : { needed, unused };
}

/** An empty value takes its part of the index, at least. */
function storedShare({ stored, size, plain }: Place): number {
  return plain === 0 ? 1 : (stored * size) / plain + 1;
}
