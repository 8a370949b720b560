// Reads the log of changes page by page: in pages of about as many keys as one event holds, whether many changes have one key each or few have many.

import { setImmediate } from "node:timers/promises";
import {
  type Change,
  CHANGE_KEYS_MAX,
  type ChangeLog,
  type ChangeNumber,
  type StoredNamespaceId,
} from "../store/store.ts";

interface ChangePage {
  readonly changes: readonly Change[];
  /** There were no more when it was read. */
  readonly isLast: boolean;
}

/** As {@link ChangeLog.read}. */
export type ReadPage = (after: ChangeNumber) => Promise<ChangePage | "forgotten" | undefined>;

const COUNT_FIRST = 10;

export function openPages(log: ChangeLog, namespace: StoredNamespaceId): ReadPage {
  let count = COUNT_FIRST;
  return async (after) => {
    const asked = count;
    await setImmediate(); // a store that answers at once would keep everybody else waiting from the first page to the last
    const changes = await log.read(namespace, after, asked);
    if (changes === undefined || changes === "forgotten") return changes;
    const keys = changes.reduce((sum, change) => sum + change.keys.length, 0);
    if (keys > 0) count = Math.ceil((changes.length * CHANGE_KEYS_MAX) / keys);
    return { changes, isLast: changes.length < asked };
  };
}
