// Entries in key order, though what they hold becomes known in any order: a window of them waits in memory for those before them.
// They are without values, and so small. When they grow to many all the same, the window says that it is full.

import type { ByteCount } from "../../core/clock.ts";
import type { Key } from "../../core/key.ts";
import type { PageEntry } from "../repository/repository.ts";

export interface EntryWindow {
  /** The keys that come next, in order. */
  expect(keys: readonly Key[]): void;
  /** `entry`: undefined if the key is not to be in the snapshot. */
  put(key: Key, entry: PageEntry | undefined): void;
  /** Takes the next entry whose turn it is; undefined: it has not come yet. */
  take(): PageEntry | undefined;
  /** No more keys should be expected before some entries were taken. */
  isFull(): boolean;
  /** What has come of all that is expected, in order; the rest is given up. `missing`: how many keys that is. */
  drain(): { readonly entries: readonly PageEntry[]; readonly missing: number };
}

/** In memory, as reckoned: some 150,000 keys. */
const WAITING_BYTES_MAX: ByteCount = 48_000_000;
/** What an entry takes besides its key and its metadata. */
const ENTRY_BYTES: ByteCount = 260;

export function openEntryWindow(bytesMax: ByteCount = WAITING_BYTES_MAX): EntryWindow {
  let queue: Key[] = [];
  let first = 0;
  const waiting = new Map<Key, PageEntry | undefined>();
  let bytes = 0;
  return {
    expect(keys) {
      if (first > 10_000) {
        queue = queue.slice(first);
        first = 0;
      }
      for (const key of keys) queue.push(key);
    },
    put(key, entry) {
      waiting.set(key, entry);
      bytes += sizeOf(key, entry);
    },
    take() {
      for (;;) {
        const key = queue[first];
        if (key === undefined || !waiting.has(key)) return undefined;
        const entry = waiting.get(key);
        waiting.delete(key);
        bytes -= sizeOf(key, entry);
        first++;
        if (entry !== undefined) return entry;
      }
    },
    isFull: () => bytes > bytesMax,
    drain() {
      const rest = queue.slice(first);
      const entries = rest.flatMap((key) => waiting.get(key) ?? []);
      const missing = rest.filter((key) => !waiting.has(key)).length;
      [queue, first, bytes] = [[], 0, 0];
      waiting.clear();
      return { entries, missing };
    },
  };
}

function sizeOf(key: Key, entry: PageEntry | undefined): ByteCount {
  return ENTRY_BYTES + key.length + (entry?.metadata?.length ?? 0);
}
