// All versions of keys through time: the snapshots of one source one after the other, and what changed between them. A page
// that two snapshots have in common is read once.

import type { Key } from "../../core/key.ts";
import type { ItemReader, PageEntry, StoredSnapshot } from "../repository/repository.ts";
import { isDamage, openPageCache, openSnapshotPages, type PageCache } from "./snapshot-pages.ts";

/** Which keys: one by its name, or all that match. */
export type WantedKeys = { readonly key: Key } | { readonly matches: (key: Key) => boolean };

/** `entry`: as it is from this snapshot on; undefined: the key is gone. */
export interface VersionChange {
  readonly snapshot: StoredSnapshot;
  readonly key: Key;
  readonly entry: PageEntry | undefined;
}

export interface FindVersionsOptions {
  readonly wanted: WantedKeys;
  readonly reader: ItemReader;
  /** Is told why a page cannot be read: what it held is not known. */
  readonly onDamage: (snapshot: StoredSnapshot, message: string) => void;
}

/** `snapshots` are of one source, the oldest first. What a snapshot that is not complete lacks counts as not known. */
export async function* findVersions(
  snapshots: readonly StoredSnapshot[],
  { wanted, reader, onDamage }: FindVersionsOptions,
): AsyncGenerator<VersionChange, void> {
  const cache = openPageCache(reader);
  const look = "key" in wanted ? lookUp(wanted.key, cache) : scan(wanted.matches, cache);
  let before = new Map<Key, PageEntry>();
  for (const snapshot of snapshots) {
    const { found, damage } = await look(snapshot);
    for (const message of damage) onDamage(snapshot, message);
    for (const [key, entry] of found) {
      if (!isSame(before.get(key), entry)) yield { snapshot, key, entry };
    }
    const tellsAbsence = snapshot.complete && damage.length === 0;
    for (const [key, entry] of before) {
      if (found.has(key)) continue;
      if (tellsAbsence) yield { snapshot, key, entry: undefined };
      else found.set(key, entry);
    }
    before = found;
  }
}

type Look = (snapshot: StoredSnapshot) => Promise<{
  readonly found: Map<Key, PageEntry>;
  readonly damage: readonly string[];
}>;

function lookUp(key: Key, cache: PageCache): Look {
  return async (snapshot) => {
    try {
      const entry = await openSnapshotPages(snapshot, cache).find(key);
      return { found: new Map(entry === undefined ? [] : [[key, entry]]), damage: [] };
    } catch (error) {
      if (!isDamage(error)) throw error;
      return { found: new Map(), damage: [error.message] };
    }
  };
}

/** Of the pages of the snapshot before, what matches is remembered. */
function scan(matches: (key: Key) => boolean, cache: PageCache): Look {
  let known = new Map<string, readonly PageEntry[]>();
  return async ({ pages }) => {
    const seen = new Map<string, readonly PageEntry[]>();
    const damage: string[] = [];
    for (const page of pages) {
      try {
        seen.set(page.id, known.get(page.id) ?? (await cache.load(page)).filter(({ key }) => matches(key)));
      } catch (error) {
        if (!isDamage(error)) throw error;
        damage.push(error.message);
      }
    }
    known = seen;
    const found = [...seen.values()].flatMap((entries) => entries.map((entry) => [entry.key, entry] as const));
    return { found: new Map(found), damage };
  };
}

function isSame(a: PageEntry | undefined, b: PageEntry): boolean {
  return a?.sha256 === b.sha256 && a.metadata === b.metadata && a.expiration === b.expiration;
}
