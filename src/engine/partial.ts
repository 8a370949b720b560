// The sides of a round that looks at a few keys only: those that a watcher saw change. One look at each file, no listing.

import { baseEntry, type BaseRow, type Entry, type Tombstone } from "../core/entry.ts";
import { assert } from "../core/errors.ts";
import { compareUtf8, type Key } from "../core/key.ts";
import type { BaseStore } from "../journal/ports.ts";
import type { ListOptions, Pages, Replica } from "../replica/replica.ts";
import type { MergeInput } from "./merge.ts";
import { onePage } from "./observer.ts";

/** The destination is shown as the base says it is: a round over all keys finds out what else it may be. */
export async function partialSides(
  only: readonly Key[],
  sides: { readonly source: Replica; readonly base: BaseStore },
  options: ListOptions,
): Promise<MergeInput> {
  assert(sides.source.lookup !== undefined, "a partial round has a source that can look keys up");
  const keys = [...new Set(only)].sort(compareUtf8);
  const rows = sides.base.lookup(keys);
  const destination = rows.flatMap((row) => ("gone" in row ? [] : (baseEntry(row) ?? [])));
  const source: Pages<Entry> = onePage(await sides.source.lookup(keys, options));
  const base: Pages<BaseRow | Tombstone> = onePage(rows);
  return { source, destination: onePage(destination), base };
}
