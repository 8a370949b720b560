// The pages of a snapshot, read as they are asked for: one after the other, or the one that a key lies in. A few stay in memory,
// so that asking in key order reads each once.

import { AppError } from "../../core/errors.ts";
import { compareUtf8, type Key } from "../../core/key.ts";
import { decodePage, isAscending } from "../page/page-lines.ts";
import type { ItemReader, PageEntry, Snapshot } from "../repository/repository.ts";

export interface SnapshotPages {
  readonly count: number;
  /** The entries of the page with this number. Throws AppError "repository-damaged" if it cannot be read, and what the store fails
   * with. */
  load(page: number): Promise<readonly PageEntry[]>;
  /** The first page that a key at or behind `key` may lie in; 0 if there are no pages. */
  locate(key: Key): Promise<number>;
  /** Undefined: the snapshot does not have the key. Throws as `load` does, if it is in a page that cannot be read. */
  find(key: Key): Promise<PageEntry | undefined>;
}

/** Pages by their ids: snapshots have most of theirs in common. */
export interface PageCache {
  load(page: Snapshot["pages"][number]): Promise<readonly PageEntry[]>;
  /** The first key of the page; null: it cannot be read. */
  firstKey(page: Snapshot["pages"][number]): Promise<Key | null>;
}

const KEPT_MAX = 4;

export function openPageCache(reader: ItemReader): PageCache {
  /** The last ones that were used, the latest at the end. */
  const kept = new Map<string, readonly PageEntry[]>();
  const firstKeys = new Map<string, Key | null>();

  const read = async ({ id, entries: count }: Snapshot["pages"][number]): Promise<readonly PageEntry[]> => {
    try {
      const entries = decodePage(await reader.page(id));
      if (entries.length !== count || !isAscending(entries)) throw misfit(id);
      firstKeys.set(id, entries[0]!.key);
      return entries;
    } catch (error) {
      if (isDamage(error)) firstKeys.set(id, null);
      throw error;
    }
  };
  const load: PageCache["load"] = async (page) => {
    const known = kept.get(page.id);
    kept.delete(page.id);
    const entries = known ?? (await read(page));
    kept.set(page.id, entries);
    if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value!);
    return entries;
  };
  return {
    load,
    async firstKey(page) {
      if (firstKeys.get(page.id) === undefined) {
        await load(page).catch((error: unknown) => {
          if (!isDamage(error)) throw error;
        });
      }
      return firstKeys.get(page.id) ?? null;
    },
  };
}

export function openSnapshotPages({ pages }: Pick<Snapshot, "pages">, cache: PageCache): SnapshotPages {
  const load = (page: number): Promise<readonly PageEntry[]> => cache.load(pages[page]!);
  const firstKeyOf = (page: number): Promise<Key | null> => cache.firstKey(pages[page]!);
  /** The last page that begins at or before `key`, or one before it that cannot be read and may; -1: there is none. */
  const locate = async (key: Key): Promise<number> => {
    let [low, high] = [0, pages.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      // The next page from here on that says where it begins.
      let at = middle;
      let first = await firstKeyOf(at);
      while (first === null && ++at < high) first = await firstKeyOf(at);
      if (first === null || compareUtf8(first, key) > 0) high = middle;
      else low = at + 1;
    }
    return low - 1;
  };
  return {
    count: pages.length,
    load,
    locate: async (key) => Math.max(await locate(key), 0),
    async find(key) {
      const at = await locate(key);
      const found = at < 0 ? undefined : findEntry(await load(at), key);
      if (found !== undefined) return found;
      // Behind the page a damaged one may begin before the key.
      if (at + 1 < pages.length && (await firstKeyOf(at + 1)) === null) await load(at + 1);
      return undefined;
    },
  };
}

/** By halves: entries are in key order. */
function findEntry(entries: readonly PageEntry[], key: Key): PageEntry | undefined {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = compareUtf8(entries[middle]!.key, key);
    if (order === 0) return entries[middle];
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return undefined;
}

export function isDamage(error: unknown): error is AppError {
  return error instanceof AppError && error.code === "repository-damaged";
}

function misfit(id: string): AppError {
  return new AppError(
    "repository-damaged",
    `the page ${id} is not the one that the snapshot means: its entries do not fit`,
  );
}
