// What the files of a mapping held at some moment, as far as the trash knows: for each key the first value that was kept since.
//
// A value of the folder counts: the file held it until kvsync replaced or removed it. So does one of the namespace that was removed since
// its file was gone: both sides had agreed on it. One of the namespace that was replaced does not: such are kept only if somebody else
// wrote them there, and no file ever held them; nor does a conflict copy that was let go, which lay beside the file. What people and programs change in the folder themselves is kept by nobody; the history
// tells of which keys that is so.

import { isAbsolute } from "node:path";
import type { Clock, EpochMs } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import { type KeyChanges, openHistory } from "../journal/history.ts";
import type { Journal } from "../journal/journal.ts";
import { openTrashIndex, type TrashItem } from "../journal/trash-index.ts";

export interface RestorePlan {
  readonly items: readonly TrashItem[];
  /** Keys that came later, and are there still: they stay. */
  readonly later: number;
  /** Keys that have changed since, of which nothing was kept: they stay as they are. */
  readonly notKept: number;
}

export function planRestore(
  { clock, journal, stateDir }: { readonly clock: Clock; readonly journal: Journal; readonly stateDir: string },
  mapping: string,
  { at, isWanted }: { readonly at: EpochMs; readonly isWanted: (key: Key) => boolean },
): RestorePlan {
  const after = { at, now: clock.now() };
  const changed = openHistory(journal).changesAfter(mapping, after);
  const found = openTrashIndex(journal, stateDir)
    .firstAfter(mapping, after, wasInFolder)
    .filter(({ key }) => isWanted(key) && !cameLater(changed.get(key)));
  const isUnkept = (key: Key): boolean => isWanted(key) && changed.has(key) && !cameLater(changed.get(key));
  const kept = new Set(found.map(({ key }) => key));
  const halfway = keptHalfway({ journal, stateDir }, mapping, at, (key) => isUnkept(key) && !kept.has(key));
  for (const { key } of halfway) kept.add(key);
  const others = [...changed].filter(([key]) => isWanted(key) && !kept.has(key));
  return {
    items: [...found, ...halfway],
    later: others.filter(([, changes]) => cameLater(changes) && changes.last !== "removed").length,
    notKept: others.filter(([, changes]) => !cameLater(changes)).length,
  };
}

/** A round keeps values before it replaces or removes them: a moment within one may lie between the two. No round takes so long from one to
 * the other. */
const ROUND_MS_MAX = 3_600_000;

/** Of the keys that `isUnkept`, what was kept before `at` and was there still: nothing is known to have happened to the key in between. */
function keptHalfway(
  { journal, stateDir }: { readonly journal: Journal; readonly stateDir: string },
  mapping: string,
  at: EpochMs,
  isUnkept: (key: Key) => boolean,
): readonly TrashItem[] {
  const query = { mapping, since: (at - ROUND_MS_MAX) as EpochMs, until: at, limit: LOOKED_AT_MAX };
  const last = new Map<Key, TrashItem>();
  for (const item of openTrashIndex(journal, stateDir).list(query))
    if (!last.has(item.key) && isUnkept(item.key) && wasInFolder(item)) last.set(item.key, item);
  if (last.size === 0) return [];
  for (const { key, at: happenedAt } of openHistory(journal).list(query))
    if (key !== undefined && happenedAt >= (last.get(key)?.savedAt ?? Infinity)) last.delete(key);
  return [...last.values()];
}

const LOOKED_AT_MAX = 200_000;

function wasInFolder({ side, reason }: TrashItem): boolean {
  return reason !== "conflict-copy" && (isAbsolute(side) || reason === "removed");
}

function cameLater(changes: KeyChanges | undefined): boolean {
  return changes?.first === "added";
}
