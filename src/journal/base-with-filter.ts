// A base seen through a mapping's filter, as both sides are: otherwise a filter that changed would look like deletions [I3].

import { type IsManaged, managedPages } from "../replica/with-filter.ts";
import type { PairStore } from "../engine/ports.ts";

export function baseWithFilter(inner: PairStore, isManaged: IsManaged): PairStore {
  return {
    ...inner,
    scan: () => managedPages(inner.scan(), isManaged),
    lookup: (keys) => inner.lookup(keys.filter(isManaged)),
    keysBelow(prefix, keysMax) {
      for (let asked = keysMax; ; asked *= 2) {
        const keys = inner.keysBelow(prefix, asked);
        const managed = keys.filter(isManaged);
        if (managed.length >= keysMax || keys.length < asked) return managed.slice(0, keysMax);
      }
    },
  };
}
