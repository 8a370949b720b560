// A replica seen through a mapping's filter: keys that are not managed are not listed, so they are neither written, nor
// removed, nor reported as different.

import type { Key } from "../core/key.ts";
import type { ListOptions, Pages, Replica, TransferOptions } from "./replica.ts";

export type IsManaged = (key: Key) => boolean;

export function openManagedReplica(inner: Replica, isManaged: IsManaged): Replica {
  return {
    ...inner,
    list: (options) => managedPages(inner.list(options), isManaged),
    ...(inner.lookup !== undefined && {
      lookup: (keys: readonly Key[], options: ListOptions) => inner.lookup!(keys.filter(isManaged), options),
    }),
    ...(inner.fetch !== undefined && {
      fetch: (keys: readonly Key[], options?: TransferOptions) => inner.fetch!(keys.filter(isManaged), options),
    }),
  };
}

export async function* managedPages<T extends { readonly key: Key }>(pages: Pages<T>, isManaged: IsManaged): Pages<T> {
  for await (const page of pages) yield page.filter((item) => isManaged(item.key));
}
