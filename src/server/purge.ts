// Takes expired entries, and whatever else nobody can see any more, out of the store: a small portion after a reply, so that no
// request ever waits for a large one. They are invisible all the while; this only gives room back.

import { setImmediate } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";
import { type Store, StoreUnavailable } from "./store/store.ts";

/** About a millisecond's work. */
const PORTION = 200;
const IDLE_MS = 1000;

/** A function that purges a portion when it is called, at most once a second unless there is more to do. Resolves to whether there is. What it
 * meets with goes to `onError`. */
export function lazyPurge(store: Store, clock: Clock, onError: (error: unknown) => void): () => Promise<boolean> {
  let idleUntil = 0;
  let isPurging = false;

  return async () => {
    const now = clock.now();
    if (isPurging || now < idleUntil) return false;
    isPurging = true;
    try {
      const count = await store.purge(now, PORTION);
      if (count === 0) idleUntil = now + IDLE_MS;
      return count > 0;
    } catch (error) {
      idleUntil = now + IDLE_MS; // where another process writes, it is in no hurry
      if (!(error instanceof StoreUnavailable)) onError(error);
      return false;
    } finally {
      isPurging = false;
    }
  };
}

/** Purges portion by portion, and lets others in between. */
export async function purgeAll(purge: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await purge())) await setImmediate();
}
