// A store whose listings lag: each shows the objects of a moment some time ago, as the clock of the store tells it. What is asked
// for by its name is told as it is.

import type { Clock, DurationMs } from "../../src/core/clock.ts";
import type { Store, StoredObject } from "../../src/backup/store/store.ts";

interface Change {
  readonly at: number;
  readonly name: string;
  readonly object: StoredObject | undefined;
}

/** `lag` is asked for each listing. All who use the store are to share this one. */
export function withLaggingLists(store: Store, clock: Clock, lag: () => DurationMs): Store {
  const changes: Change[] = [];
  return {
    ...store,
    async putNew(name, bytes, options) {
      const outcome = await store.putNew(name, bytes, options);
      if (outcome === "written") changes.push({ at: clock.now(), name, object: await store.head(name) });
      return outcome;
    },
    async remove(name, options) {
      await store.remove(name, options);
      changes.push({ at: clock.now(), name, object: undefined });
    },
    async *list(prefix, options) {
      options?.signal?.throwIfAborted();
      const until = clock.now() - lag();
      const shown = new Map<string, StoredObject>();
      for (const { at, name, object } of changes) {
        if (at > until) break;
        if (!name.startsWith(prefix)) continue;
        if (object === undefined) shown.delete(name);
        else shown.set(name, object);
      }
      if (shown.size > 0) yield [...shown.values()];
    },
  };
}
