// A replica seen through a mapping's filter. The mapping manages only the keys that pass it: every other key is not
// listed, so a round neither writes nor removes it, nor reports it as different.

import type { Key } from "../core/key.ts";
import { isWrittenInPlace, type Pages, type ReadableReplica, type Replica } from "./replica.ts";
import { wrapReadable, wrapReplica } from "./wrap.ts";

/** Whether the mapping manages this key. */
export type IsManaged = (key: Key) => boolean;

export function withFilter(replica: Replica, isManaged: IsManaged): Replica;
export function withFilter(replica: ReadableReplica, isManaged: IsManaged): ReadableReplica;
export function withFilter(replica: ReadableReplica, isManaged: IsManaged): ReadableReplica {
  const view = { isShown: isManaged };
  return isWrittenInPlace(replica) ? wrapReplica(replica, view) : wrapReadable(replica, view);
}

/** `pages` without what belongs to keys that are not managed. */
export async function* managedPages<T extends { readonly key: Key }>(pages: Pages<T>, isManaged: IsManaged): Pages<T> {
  for await (const page of pages) yield page.filter((item) => isManaged(item.key));
}
