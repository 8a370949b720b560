// A store that remembers what its calls failed with. A run has sources and one repository, and both fail with "network" or "io": only where
// an error came from tells whether the other sources have any chance.

import type { StoredObject, Store } from "../backup/store/store.ts";

export interface WatchedStore extends Store {
  /** Whether a call of this store failed with `error`. */
  failedWith(error: unknown): boolean;
}

export function watchStore(inner: Store): WatchedStore {
  const errors = new WeakSet();
  const note = (error: unknown): never => {
    if (typeof error === "object" && error !== null) errors.add(error);
    throw error;
  };
  const list = async function* (...call: Parameters<Store["list"]>): AsyncGenerator<readonly StoredObject[], void> {
    try {
      yield* inner.list(...call);
    } catch (error) {
      note(error);
    }
  };
  return {
    label: inner.label,
    putNew: (...call) => inner.putNew(...call).catch(note),
    get: (...call) => inner.get(...call).catch(note),
    head: (...call) => inner.head(...call).catch(note),
    list,
    remove: (...call) => inner.remove(...call).catch(note),
    now: (...call) => inner.now(...call).catch(note),
    close: () => inner.close(),
    failedWith: (error) => typeof error === "object" && error !== null && errors.has(error),
  };
}
