// Who wants to know when the file changes: told by whoever writes in this process, and by a look at the file's version for the others.

import type { Clock } from "../../../core/clock.ts";
import type { Database } from "./database.ts";

/** How often one looks whether another process has written to the file, while somebody wants to know. */
const LOOK_MS = 250;

export interface Watchers {
  /** Returns what ends it. */
  add(listener: () => void): () => void;
  /** Tells all of them. */
  wake(): void;
  close(): void;
}

export function openWatchers(database: Database, clock: Clock): Watchers {
  const version = database.prepare("PRAGMA data_version");
  const listeners = new Set<() => void>();
  let looking: AbortController | undefined;

  const wake = (): void => {
    for (const listener of listeners) listener();
  };

  /** Undefined: the file cannot be read; then those who are told find out why. */
  function versionNow(): unknown {
    try {
      return (version.get() as unknown as [number])[0];
    } catch {
      return undefined;
    }
  }

  async function look(signal: AbortSignal): Promise<void> {
    for (let known = versionNow(); ;) {
      await clock.sleep(LOOK_MS, signal);
      const found = versionNow();
      if (found !== known || found === undefined) wake();
      known = found;
    }
  }

  return {
    add(listener) {
      const told = (): void => listener();
      listeners.add(told);
      if (looking === undefined) {
        looking = new AbortController();
        const { signal } = looking;
        look(signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
      }
      return () => {
        listeners.delete(told);
        if (listeners.size > 0) return;
        looking?.abort();
        looking = undefined;
      };
    },
    wake,
    close() {
      looking?.abort();
      listeners.clear();
    },
  };
}
