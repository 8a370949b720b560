// Removals that wait (`remove_after`): of what a pass decided to remove, what has been gone for long enough is left to the plan, and
// the rest is kept as seen to be gone. A key that is looked at and is not to be removed is not gone any more.
//
// [I3] What could not be looked at keeps its time: nothing follows from it, neither that it is gone nor that it is back.

import type { EpochMs } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import { removalDueAt } from "../core/removal-delay.ts";
import type { Triple } from "./merge.ts";
import type { Verdict } from "./plan/verdict.ts";
import type { GoneKey } from "./ports.ts";
import type { RemoveLaterRequest, RoundRequest } from "./round-request.ts";

export interface RemoveLater {
  /** `verdict`, unless it removes what has not been gone for long enough. */
  delay(triple: Triple, verdict: Verdict): Verdict;
  /** All keys up to the last one of `page` were looked at, or to the end if it is empty, but for those that are unknown. */
  passed(page: readonly Triple[], isUnknown: (key: Key) => boolean): void;
}

/** `isWhole`: the pass is over all keys, in order; else a key that it does not come to stays as it is. */
export function openRemoveLater(
  request: Pick<RoundRequest, "clock" | "dryRun" | "source" | "destination"> & {
    readonly removeLater: RemoveLaterRequest;
  },
  isWhole: boolean,
  onLater: (dueAt: EpochMs) => void,
): RemoveLater {
  const { afterMs, gone } = request.removeLater;
  const now = request.clock.now();
  /** Of the page that is decided now. */
  const decided = new Set<Key>();
  const stillGone = new Set<Key>();
  let fresh: GoneKey[] = [];
  let after: Key | undefined;

  return {
    delay(triple, verdict) {
      const { key, base } = triple;
      decided.add(key);
      if (verdict.action?.kind !== "remove") return verdict;
      const side = request[verdict.action.to].label;
      const since = gone.since({ key, side });
      stillGone.add(key);
      const dueAt = removalDueAt({ since, base }, { afterMs, now });
      if (dueAt === undefined) return verdict;
      if (since === undefined || since > now) fresh.push({ key, side });
      onLater(dueAt);
      return { action: undefined, count: "removesLater" };
    },
    passed(page, isUnknown) {
      const upTo = page.at(-1)?.key;
      const listed = new Set(isWhole ? page.map(({ key }) => key) : []);
      const known = isWhole ? gone.between(after, upTo) : gone.among([...decided]);
      // A key of neither side, or one that a filter hides, was seen by no look: it begins anew when it is seen.
      const isOver = (key: Key): boolean =>
        !stillGone.has(key) && (decided.has(key) || (isWhole && !listed.has(key) && !isUnknown(key)));
      const over = known.filter(isOver);
      if (!request.dryRun) gone.note({ fresh, over, now });
      after = upTo;
      fresh = [];
      decided.clear();
      stillGone.clear();
    },
  };
}
