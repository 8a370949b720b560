// A snapshot as what the embedded server serves: one namespace, with the id and the title of its source and the keys as they are
// named there. Nothing is held a key: a listing and a value are looked up in the snapshot's pages, of which a few stay in memory.

import type { ItemReader, PageEntry, Snapshot, SnapshotSource } from "../../backup/repository/repository.ts";
import {
  isDamage,
  openPageCache,
  openSnapshotPages,
  type SnapshotPages,
} from "../../backup/snapshot/snapshot-pages.ts";
import type { EpochSeconds } from "../../core/clock.ts";
import { sha256Of } from "../../core/fingerprint.ts";
import { compareUtf8, parseKey } from "../../core/key.ts";
import { damagedStore } from "../../server/refusal.ts";
import { quoted } from "../../server/store/quoted.ts";
import type {
  EntryReader,
  KeyRange,
  ListedRow,
  NamespaceReader,
  QuotedEntry,
  ReadOnlyStore,
  StoredNamespace,
} from "../../server/store/store.ts";

/** `reader` stays the caller's. */
export function openSnapshotStore(snapshot: Snapshot, reader: ItemReader): ReadOnlyStore {
  const pages = openSnapshotPages(snapshot, openPageCache(reader));
  return {
    isReadOnly: true,
    namespaces: openNamespaces(snapshot.source),
    entries: openEntries(pages, snapshot.source.prefix, reader),
  };
}

/** Where the source is no namespace, it has an id all the same, the same one each time. */
export function namespaceOf({ namespace, title, label }: SnapshotSource): StoredNamespace {
  return { id: namespace ?? sha256Of(Buffer.from(label)).slice(0, 32), title: title ?? label };
}

/** Of every account: whoever asks may keep the account id that the source had, or use any other. */
function openNamespaces(source: SnapshotSource): NamespaceReader {
  const namespace = namespaceOf(source);
  return {
    find: (_, id) => (id === namespace.id ? namespace : undefined),
    list: (_, { offset }) => (offset === 0 ? [namespace] : []),
    count: () => 1,
    accounts: () => (source.accountId === null ? [] : [source.accountId]),
  };
}

/** `prefix`: what keys of the source have, and those in the pages do without. */
function openEntries(pages: SnapshotPages, prefix: string, reader: ItemReader): EntryReader {
  const find = async (name: string, now: EpochSeconds): Promise<PageEntry | undefined> => {
    const key = name.startsWith(prefix) ? parseKey(name.slice(prefix.length)) : undefined;
    const found = key && (await pages.find(key));
    return found && isVisible(found, now) ? found : undefined;
  };
  const valueOf = ({ sha256, size }: PageEntry): Promise<Uint8Array> => reader.value(sha256, size);
  return {
    read: (_, key, now) =>
      orRefuse(async () => {
        const found = await find(key, now);
        if (found === undefined) return undefined;
        const { metadata = null, expiration = null } = found;
        return { value: await valueOf(found), metadata, expiration };
      }),
    readQuoted: (_, keys, bytesMax, now) =>
      orRefuse(async () => {
        const found: (PageEntry | undefined)[] = [];
        for (const key of keys) found.push(await find(key, now));
        if (found.reduce((sum, entry) => sum + (entry?.size ?? 0), 0) > bytesMax) return "too-large";
        const entries: (QuotedEntry | undefined)[] = [];
        for (const entry of found) {
          const { metadata = null, expiration = null } = entry ?? {};
          entries.push(entry && quoted(await valueOf(entry), { metadata, expiration }));
        }
        return entries;
      }),
    readMetadata: (_, key, now) =>
      orRefuse(async () => {
        const found = await find(key, now);
        return found && { metadata: found.metadata ?? null };
      }),
    list: (_, range, now) => orRefuse(() => listRows(pages, prefix, range, now)),
  };
}

async function listRows(
  pages: SnapshotPages,
  prefix: string,
  { after, prefix: asked, limit }: KeyRange,
  now: EpochSeconds,
): Promise<ListedRow[]> {
  const rows: ListedRow[] = [];
  // The later of the two, as far as the pages know it; with no key before it but those that both leave out.
  const from = compareUtf8(after, asked) > 0 ? after : asked;
  const first = parseKey(from.startsWith(prefix) ? from.slice(prefix.length) : "");
  let page = first === undefined ? 0 : await pages.locate(first);
  for (; page < pages.count && rows.length < limit; page++) {
    for (const { key, metadata = null, expiration = null } of await pages.load(page)) {
      const name: string = prefix + key;
      if (compareUtf8(name, from) < 0 || name === after) continue;
      if (!name.startsWith(asked)) return rows;
      if (expiration === null || expiration > now) rows.push([name, metadata, expiration]);
      if (rows.length === limit) break;
    }
  }
  return rows;
}

function isVisible({ expiration }: PageEntry, now: EpochSeconds): boolean {
  return expiration === undefined || expiration > now;
}

/** A client is told what is damaged, rather than that something is. */
async function orRefuse<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isDamage(error)) throw damagedStore(error.message);
    throw error;
  }
}
