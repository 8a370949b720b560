// Eventual consistency, as a layer over a store: for some time after a write, a look at a key may show one of the
// versions that the write replaced, absence included, and the next look a newer one, and the next an older one again.
//
// The layer keeps replaced versions in memory; the store below is always up to date, so that a restart, or a new fault
// plan, settles everything at once.

import type { Clock } from "../../core/clock.ts";
import type { Chance } from "../chance.ts";
import type { Settle } from "../faults.ts";
import { openPastVersions, type PastVersions } from "./past-versions.ts";
import { quoted, wholeValue } from "./quoted.ts";
import type { EntryStore, ListedRow, Store, WritableStore } from "./store.ts";

/** What `store` holds, as seen from far away. Its log of changes tells what is not to be seen yet. */
export function laggingStore(store: Store, settle: Settle, clock: Clock, chance: Chance): Store {
  const pasts = openPastVersions(settle, clock, chance);

  const seen: PastVersions["seen"] = (namespace, key, current, now) =>
    settle.reads ? pasts.seen(namespace, key, current, now) : current;

  /** `entries`, whose writes are a part of `unit`. */
  function lagging(entries: EntryStore, unit: <T>(body: (inner: EntryStore) => Promise<T>) => Promise<T>): EntryStore {
    return {
      read: async (namespace, key, now) => seen(namespace, key, await entries.read(namespace, key, now), now),
      async readQuoted(namespace, keys, bytesMax, now) {
        const current = await entries.readQuoted(namespace, keys, bytesMax, now);
        if (current === "too-large") return current;
        const shown = keys.map(async (key, i) => {
          const entry = seen(namespace, key, current[i], now);
          return entry !== undefined && "value" in entry ? quoted(await wholeValue(entry.value), entry) : entry;
        });
        return Promise.all(shown);
      },
      readMetadata: async (namespace, key, now) =>
        seen(namespace, key, await entries.readMetadata(namespace, key, now), now),
      async list(namespace, range, now) {
        if (!settle.lists) return entries.list(namespace, range, now);
        const shown: ListedRow[] = [];
        for (let { after } = range; ;) {
          const part = { ...range, after };
          const rows = await entries.list(namespace, part, now);
          const last = rows.length === range.limit ? rows.at(-1)?.[0] : undefined;
          shown.push(...pasts.overlay(namespace, rows, part, last, now));
          if (last === undefined || shown.length >= range.limit) return shown.slice(0, range.limit);
          after = last;
        }
      },
      async write(namespace, writes, now) {
        const keys = writes.map((write) => write.key);
        const done = await unit(async (inner) => {
          const replaced = await pasts.replacedBy(inner, namespace, keys, now);
          return (await inner.write(namespace, writes, now)) && replaced;
        });
        if (done !== false) pasts.remember(namespace, done);
        return done !== false;
      },
      async remove(namespace, keys, now) {
        const replaced = await unit(async (inner) => {
          const before = await pasts.replacedBy(inner, namespace, keys, now);
          await inner.remove(namespace, keys, now);
          return before;
        });
        pasts.remember(namespace, replaced);
      },
    };
  }

  return {
    ...store,
    entries: lagging(store.entries, (body) => store.transaction((inner) => body(inner.entries))),
    transaction: (body) =>
      store.transaction(({ namespaces, entries }: WritableStore) =>
        body({ namespaces, entries: lagging(entries, (within) => within(entries)) }),
      ),
  };
}
