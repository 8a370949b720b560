// Takes expired entries, and whatever else nobody can see any more, out of the store: a small portion after a reply, so that no
// request ever waits for a large one. They are invisible all the while; this only gives room back.

import type { Clock } from "../core/clock.ts";
import { type Store, StoreUnavailable } from "./store/store.ts";

/** About a millisecond's work. */
const PORTION = 200;
const IDLE_MS = 1000;

/** A function that purges a portion when it is called, at most once a second unless there is more to do. What it meets with goes to
 * `onError`. */
export function lazyPurge(store: Store, clock: Clock, onError: (error: unknown) => void): () => void {
  let idleUntil = 0;
  let isPurging = false;

  async function purge(): Promise<void> {
    const now = clock.now();
    if (isPurging || now < idleUntil) return;
    isPurging = true;
    try {
      if ((await store.purge(now, PORTION)) === 0) idleUntil = now + IDLE_MS;
    } catch (error) {
      idleUntil = now + IDLE_MS; // where another process writes, it is in no hurry
      if (!(error instanceof StoreUnavailable)) onError(error);
    } finally {
      isPurging = false;
    }
  }
  return () => void purge();
}
