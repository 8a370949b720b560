// Versions that writes replaced, in memory, and what a look at a key shows while they last: one of them, absence included, or the truth.

import type { Clock, EpochSeconds } from "../../core/clock.ts";
import { compareUtf8 } from "../../core/key.ts";
import type { Chance } from "../chance.ts";
import type { Settle } from "../faults.ts";
import type { EntryStore, KeyRange, ListedRow, StoredEntry, StoredNamespaceId } from "./store.ts";

/** A version that a write replaced; `entry` is undefined where there was none. */
interface Past {
  readonly entry: StoredEntry | undefined;
  /** It may be shown before this moment (of the clock, in ms). */
  readonly until: number;
}

/** By key, what it is about to be no more. */
type Replaced = ReadonlyMap<string, Past>;

export interface PastVersions {
  /** What a write to `keys` is about to replace. */
  replacedBy(
    entries: EntryStore,
    namespace: StoredNamespaceId,
    keys: readonly string[],
    now: EpochSeconds,
  ): Promise<Replaced>;
  /** It was replaced. */
  remember(namespace: StoredNamespaceId, replaced: Replaced): void;
  /** What one look at a key shows, its true entry being `current`. */
  seen<T>(namespace: StoredNamespaceId, key: string, current: T, now: EpochSeconds): T | StoredEntry | undefined;
  /** `rows`, the truth about the range after `after` and up to `last` (undefined: its end), as one look shows it. */
  overlay(
    namespace: StoredNamespaceId,
    rows: ListedRow[],
    range: KeyRange,
    last: string | undefined,
    now: EpochSeconds,
  ): ListedRow[];
}

export function openPastVersions(settle: Settle, clock: Clock, chance: Chance): PastVersions {
  const pasts = new Map<StoredNamespaceId, Map<string, Past[]>>();
  let sweepAt = 0;

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

  return {
    async replacedBy(entries, namespace, keys, now) {
      const found = new Map<string, Past>();
      for (const key of keys) {
        const lag = settle.seconds * 1000 * (settle.spread ? chance() : 1);
        found.set(key, { entry: await entries.read(namespace, key, now), until: clock.now() + lag });
      }
      return found;
    },
    remember(namespace, replaced) {
      sweep();
      const known = pasts.get(namespace) ?? new Map<string, Past[]>();
      pasts.set(namespace, known);
      for (const [key, past] of replaced) known.set(key, [...(known.get(key) ?? []), past]);
    },
    seen: (namespace, key, current, now) => look(pasts.get(namespace)?.get(key), current, now),
    overlay(namespace, rows, range, last, now) {
      const known = pasts.get(namespace);
      if (known === undefined || known.size === 0) return rows;
      const shown = new Map(rows.map((row) => [row[0], row]));
      for (const [key, versions] of known) {
        if (!isWithin(key, range, last)) continue;
        const current = shown.get(key);
        const seen = look(versions, current, now);
        if (seen === current) continue;
        if (seen === undefined || !("value" in seen)) shown.delete(key);
        else shown.set(key, [key, seen.metadata, seen.expiration]);
      }
      return [...shown.values()].sort((a, b) => compareUtf8(a[0], b[0]));
    },
  };
}

function isWithin(key: string, { after, prefix }: KeyRange, last: string | undefined): boolean {
  if (!key.startsWith(prefix) || compareUtf8(key, after) <= 0) return false;
  return last === undefined || compareUtf8(key, last) <= 0;
}
