// Eventual consistency, as a layer over the entries: for some time after a write, a look at a key may show one of the
// versions that the write replaced, absence included, and the next look a newer one, and the next an older one again.
//
// The layer keeps replaced versions in memory; the store below is always up to date, so that a restart, or a new fault
// plan, settles everything at once.

import type { Clock, EpochSeconds } from "../core/clock.ts";
import { compareUtf8 } from "../core/key.ts";
import type { Chance } from "./chance.ts";
import { type EntryStore, type KeyRange, type ListedRow, quoted, type StoredEntry } from "./entry-store.ts";
import type { Settle } from "./faults.ts";

/** A version that a write replaced; `entry` is undefined where there was none. */
interface Past {
  readonly entry: StoredEntry | undefined;
  /** It may be shown before this moment (of the clock, in ms). */
  readonly until: number;
}

/** What `store` holds, as seen from far away. */
export function laggingEntries(store: EntryStore, settle: Settle, clock: Clock, chance: Chance): EntryStore {
  const pasts = new Map<number, Map<string, Past[]>>();
  let sweepAt = 0;

  function remember(namespace: number, keys: readonly string[], now: EpochSeconds): void {
    sweep();
    const known = pasts.get(namespace) ?? new Map<string, Past[]>();
    pasts.set(namespace, known);
    for (const key of keys) {
      const lag = settle.seconds * 1000 * (settle.spread ? chance() : 1);
      const past = { entry: store.read(namespace, key, now), until: clock.now() + lag };
      known.set(key, [...(known.get(key) ?? []), past]);
    }
  }

  /** Forgets what can no longer be shown, now and then. */
  function sweep(): void {
    const now = clock.now();
    if (now < sweepAt) return;
    sweepAt = now + settle.seconds * 1000;
    for (const known of pasts.values()) {
      for (const [key, versions] of known) {
        if (versions.every((past) => past.until <= now)) known.delete(key);
      }
    }
  }

  /** What one look at a key shows, its true entry being `current`. */
  function look<T>(versions: readonly Past[] | undefined, current: T, now: EpochSeconds): T | Past["entry"] {
    const at = clock.now();
    const shown = versions?.filter((past) => past.until > at) ?? [];
    if (shown.length === 0 || chance() >= settle.probability) return current;
    const entry = shown[Math.floor(chance() * shown.length)]?.entry;
    return entry === undefined || (entry.expiration !== null && entry.expiration <= now) ? undefined : entry;
  }

  /** `rows`, the truth about the range after `after` and up to `last` (undefined: its end), as one look shows it. */
  function overlay(
    namespace: number,
    rows: ListedRow[],
    range: KeyRange,
    last: string | undefined,
    now: EpochSeconds,
  ): ListedRow[] {
    const known = pasts.get(namespace);
    if (known === undefined || known.size === 0) return rows;
    const shown = new Map(rows.map((row) => [row[0], row]));
    for (const [key, versions] of known) {
      if (!isWithin(key, range, last)) continue;
      const current = shown.get(key);
      const seen = look(versions, current, now);
      if (seen === current) continue;
      if (seen === undefined || !("bytes" in seen)) shown.delete(key);
      else shown.set(key, [key, seen.metadata, seen.expiration]);
    }
    return [...shown.values()].sort((a, b) => compareUtf8(a[0], b[0]));
  }

  return {
    read(namespace, key, now) {
      const current = store.read(namespace, key, now);
      return settle.reads ? look(pasts.get(namespace)?.get(key), current, now) : current;
    },
    readQuoted(namespace, key, now) {
      const current = store.readQuoted(namespace, key, now);
      const seen = settle.reads ? look(pasts.get(namespace)?.get(key), current, now) : current;
      return seen !== undefined && "bytes" in seen ? quoted(seen) : seen;
    },
    readMetadata(namespace, key, now) {
      const current = store.readMetadata(namespace, key, now);
      return settle.reads ? look(pasts.get(namespace)?.get(key), current, now) : current;
    },
    list(namespace, range, now) {
      if (!settle.lists) return store.list(namespace, range, now);
      const shown: ListedRow[] = [];
      for (let { after } = range; ;) {
        const part = { ...range, after };
        const rows = store.list(namespace, part, now);
        const last = rows.length === range.limit ? rows.at(-1)?.[0] : undefined;
        shown.push(...overlay(namespace, rows, part, last, now));
        if (last === undefined || shown.length >= range.limit) return shown.slice(0, range.limit);
        after = last;
      }
    },
    write(namespace, writes, now) {
      remember(
        namespace,
        writes.map((write) => write.key),
        now,
      );
      return store.write(namespace, writes, now);
    },
    remove(namespace, keys, now) {
      remember(namespace, keys, now);
      store.remove(namespace, keys, now);
    },
    purge: (now, count) => store.purge(now, count),
  };
}

function isWithin(key: string, { after, prefix }: KeyRange, last: string | undefined): boolean {
  if (!key.startsWith(prefix) || compareUtf8(key, after) <= 0) return false;
  return last === undefined || compareUtf8(key, last) <= 0;
}
