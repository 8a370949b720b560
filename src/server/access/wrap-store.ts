// A store with other namespaces and entries than its own, in its transactions, too. Here, so that a wrapper cannot forget these.

import type { Store, WritableStore } from "../store/store.ts";

/** `wrap` is asked for the store itself, and for what each transaction is given. */
export function wrapStore(store: Store, wrap: (store: WritableStore) => WritableStore): Store {
  return {
    ...wrap(store),
    changes: store.changes,
    transaction: (body) => store.transaction((inner) => body(wrap(inner))),
    stage: (chunks) => store.stage(chunks),
    purge: (now, count) => store.purge(now, count),
    check: () => store.check(),
    close: () => store.close(),
  };
}
