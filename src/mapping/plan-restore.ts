// What the files of a mapping held at some moment, as far as the trash knows: for each key the first value that was kept since.
//
// A value of the folder counts: the file held it until kvsync replaced or removed it. So does one of the namespace that was removed since
// its file was gone: both sides had agreed on it. One of the namespace that was replaced does not: such are kept only if somebody else
// wrote them there, and no file ever held them. What people and programs change in the folder themselves is kept by nobody; the history
// tells of which keys that is so.

import { isAbsolute } from "node:path";
import type { EpochMs } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import { type KeyChanges, openHistory } from "../journal/history.ts";
import type { Journal } from "../journal/journal.ts";
import { openTrashIndex, type TrashItem } from "../journal/trash-index.ts";

export interface RestorePlan {
  /** In key order. */
  readonly items: readonly TrashItem[];
  /** Keys that came later, and are there still: they stay. */
  readonly later: number;
  /** Keys that have changed since, of which nothing was kept: they stay as they are. */
  readonly notKept: number;
}

export function planRestore(
  { journal, stateDir }: { readonly journal: Journal; readonly stateDir: string },
  mapping: string,
  { at, isWanted }: { readonly at: EpochMs; readonly isWanted: (key: Key) => boolean },
): RestorePlan {
  const changed = openHistory(journal).changesAfter(mapping, at);
  const found = openTrashIndex(journal, stateDir)
    .firstAfter(mapping, at, wasInFolder)
    .filter(({ key }) => isWanted(key) && !cameLater(changed.get(key)));
  const kept = new Set(found.map(({ key }) => key));
  const others = [...changed].filter(([key]) => isWanted(key) && !kept.has(key));
  return {
    items: found,
    later: others.filter(([, changes]) => cameLater(changes) && changes.last !== "removed").length,
    notKept: others.filter(([, changes]) => !cameLater(changes)).length,
  };
}

function wasInFolder({ side, reason }: TrashItem): boolean {
  return isAbsolute(side) || reason === "removed";
}

function cameLater(changes: KeyChanges | undefined): boolean {
  return changes?.first === "added";
}
