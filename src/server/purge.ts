// Takes expired entries, and those of deleted namespaces, out of the file: a small portion after a reply, so that no
// request ever waits for a large one. They are invisible all the while; this only gives room back.

import { type Clock, toEpochSeconds } from "../core/clock.ts";
import type { EntryStore } from "./entry-store.ts";
import { isBusy } from "./database.ts";

/** About a millisecond's work. */
const PORTION = 200;

/** A function that purges a portion when it is called, at most once a second unless there is more to do. */
export function lazyPurge(store: EntryStore, clock: Clock): () => void {
  let idleUntil = 0;
  return () => {
    const now = toEpochSeconds(clock.now());
    if (now < idleUntil) return;
    try {
      if (store.purge(now, PORTION) === 0) idleUntil = now + 1;
    } catch (error) {
      if (!isBusy(error)) throw error;
      idleUntil = now + 1; // another process writes; it is in no hurry
    }
  };
}
