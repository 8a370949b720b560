// Which keys of a mapping the names are that a namespace's change feed tells, and whether to ask for them one by one.

import type { MappingConfig } from "../config/config.ts";
import { compileFilter } from "../core/filter.ts";
import type { Key } from "../core/key.ts";
import { BULK_GET_KEYS_MAX, LIST_PAGE_KEYS_MAX } from "../core/limits.ts";
import type { BaseStore } from "../engine/ports.ts";
import { restKey } from "../replica/namespace/scope.ts";

/** Undefined: it is no key of the mapping, which has another prefix, or excludes it. */
export type KeyOfName = (name: string) => Key | undefined;

export function openKeyOfName(mapping: Pick<MappingConfig, "prefix"> & Parameters<typeof compileFilter>[0]): KeyOfName {
  const { prefix } = mapping;
  const isManaged = compileFilter(mapping);
  return (name) => {
    if (!name.startsWith(prefix)) return undefined;
    const key = restKey(prefix, name);
    return typeof key === "string" && isManaged(key) ? key : undefined;
  };
}

/** Asked for by name they come with their values. More than this are looked for in a listing, which goes on while values come. */
const NAMED_MAX = 1000;
/** What comes back of what this mapping wrote itself is not to be downloaded again: a listing knows it by its stamp. */
const ECHO_BYTES_MAX = 4_000_000;

/** Whether asking for `keys` costs less than to list all. `writes`: the mapping writes to the namespace itself, so that some of them may
 * be its own. */
export function isCheaperByName(
  keys: readonly Key[],
  base: BaseStore,
  { writes }: { readonly writes: boolean },
): boolean {
  if (keys.length > NAMED_MAX) return false;
  const rows = base.lookup(keys).flatMap((row) => ("gone" in row ? [] : [row]));
  const binary = rows.filter((row) => row.binary === true).length;
  const pages = 1 + base.count() / LIST_PAGE_KEYS_MAX;
  // Where only the remote is changed, the texts are to be read in any case. Each binary value takes a request of its own, and one for
  // what only a listing tells of it.
  const texts = writes ? (keys.length - binary) / BULK_GET_KEYS_MAX : 0;
  const bytes = writes ? rows.reduce((sum, { size }) => sum + size, 0) : 0;
  return texts + binary <= pages && (bytes <= ECHO_BYTES_MAX || pages > 1 + keys.length);
}
