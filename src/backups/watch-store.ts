// A store that remembers what its calls failed with. A run has sources and one repository, and both fail with "network" or "io": only where
// an error came from tells whether the other sources have any chance.

import type { StoredObject, Store } from "../backup/store/store.ts";

export interface WatchedStore extends Store {
  /** Whether a call of this store failed with `error`. */
  failedWith(error: unknown): boolean;
}

/** `onCall`: a call has ended, or a listing has shown a page more. */
export function watchStore(inner: Store, onCall: () => void = () => {}): WatchedStore {
  const errors = new WeakSet();
  const note = (error: unknown): never => {
    if (typeof error === "object" && error !== null) errors.add(error);
    throw error;
  };
  const watched = async <T>(call: Promise<T>): Promise<T> => {
    const answer = await call.catch(note);
    onCall();
    return answer;
  };
  const list = async function* (...call: Parameters<Store["list"]>): AsyncGenerator<readonly StoredObject[], void> {
    try {
      for await (const page of inner.list(...call)) {
        onCall();
        yield page;
      }
    } catch (error) {
      note(error);
    }
  };
  return {
    label: inner.label,
    putNew: (...call) => watched(inner.putNew(...call)),
    get: (...call) => watched(inner.get(...call)),
    head: (...call) => watched(inner.head(...call)),
    list,
    remove: (...call) => watched(inner.remove(...call)),
    now: (...call) => watched(inner.now(...call)),
    close: () => inner.close(),
    failedWith: (error) => typeof error === "object" && error !== null && errors.has(error),
  };
}
