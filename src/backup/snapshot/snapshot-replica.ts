// A snapshot as a replica that is read. Listing it reads its pages and no value. A value is handed out only if its SHA-256 is
// what the page says. What is damaged is a problem of its keys, and everything else goes on: a place of the key order whose page cannot
// be read is unknown, so that nothing is removed for its sake [I3].

import type { Clock } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import { AppError } from "../../core/errors.ts";
import { fingerprintOfSha256 } from "../../core/fingerprint.ts";
import { compareUtf8, type Key } from "../../core/key.ts";
import { type Problem, problem } from "../../core/problem.ts";
import { giveBack } from "../../core/give-back.ts";
import type { ListOptions, Pages, ReadableReplica, ReadOutcome, TransferOptions } from "../../replica/replica.ts";
import type { ItemReader, PageEntry, Snapshot } from "../repository/repository.ts";
import { STORE_CALLS } from "../store/store.ts";
import { isDamage, openPageCache, openSnapshotPages, type SnapshotPages } from "./snapshot-pages.ts";

export interface SnapshotReplicaOptions {
  readonly clock: Clock;
  readonly snapshot: Snapshot;
  /** Stays the caller's. */
  readonly reader: ItemReader;
  /** For people: `./backups@latest`. */
  readonly label: string;
  /** Numbers of pages that are left out, since another snapshot that this one is compared with has them too. */
  readonly skips?: ((pageId: string) => boolean) | undefined;
  readonly close?: () => Promise<void>;
}

interface Side extends SnapshotReplicaOptions {
  readonly pages: SnapshotPages;
}

const PAGE_ENTRIES = 1000;
const PAGE_BYTES = 4_194_304;

export function openSnapshotReplica(options: SnapshotReplicaOptions): ReadableReplica {
  const side: Side = { ...options, pages: openSnapshotPages(options.snapshot, openPageCache(options.reader)) };
  return {
    kind: "snapshot",
    label: options.label,
    traits: { eventuallyConsistent: false, readsCostRequests: false, readOrder: "any", writing: "never" },
    list: (given) => listEntries(side, given),
    lookup: (keys, given) => lookupEntries(side, keys, given),
    fetch: (keys, given) => readEntries(side, onePage(keys), given),
    read: (entries, given) => readEntries(side, entryKeys(entries), given),
    close: async () => options.close?.(),
  };
}

/** What a listing shows of an entry of a page. */
function entryOfPage({ key, sha256, size, binary, expiration, metadata }: PageEntry): Entry {
  return {
    key,
    fingerprint: fingerprintOfSha256(sha256),
    metadata,
    expiration,
    ttlSeconds: undefined,
    size,
    signature: undefined,
    binary,
  };
}

async function* listEntries(side: Side, { signal, onProblem, onUnknown = () => {} }: ListOptions): Pages<Entry> {
  const { pages, snapshot, label, skips = () => false } = side;
  /** The last key before the gap that is open; undefined: none is. */
  let gap: { readonly after: Key | undefined } | undefined;
  let last: Key | undefined;
  for (let page = 0; page < pages.count; page++) {
    signal?.throwIfAborted();
    const { id, entries: count } = snapshot.pages[page]!;
    if (skips(id)) continue;
    const entries = await pages.load(page).catch((error: unknown) => {
      if (!isDamage(error)) throw error;
      onProblem(lostPage(label, page, count, error));
      return undefined;
    });
    if (entries === undefined) {
      gap ??= { after: last };
      continue;
    }
    const first = entries[0]!.key;
    if (last !== undefined && compareUtf8(last, first) >= 0) throw disordered(label, page);
    if (gap !== undefined) onUnknown({ ...gap, before: first });
    gap = undefined;
    last = entries.at(-1)!.key;
    for (let at = 0; at < entries.length; at += PAGE_ENTRIES)
      yield entries.slice(at, at + PAGE_ENTRIES).map(entryOfPage);
  }
  if (gap === undefined) return;
  onUnknown({ ...gap, before: undefined });
  yield [];
}

async function lookupEntries(
  side: Side,
  keys: readonly Key[],
  { onProblem, onUnknown }: ListOptions,
): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  for (const key of keys) {
    try {
      const entry = await side.pages.find(key);
      if (entry !== undefined) found.push(entryOfPage(entry));
    } catch (error) {
      onProblem(unreadable(key, error));
      onUnknown?.({ key });
    }
  }
  return found;
}

async function* readEntries(
  side: Side,
  keys: Pages<Key>,
  { signal, reusesBytes }: TransferOptions = {},
): Pages<ReadOutcome> {
  let page: ReadOutcome[] = [];
  let bytes = 0;
  const ahead = openReadAhead(side);
  const add = async (): Promise<boolean> => {
    const outcome = await ahead.take();
    page.push(outcome);
    if (outcome.kind === "value") bytes += outcome.value.bytes.byteLength;
    return page.length >= PAGE_ENTRIES || bytes >= PAGE_BYTES;
  };
  for await (const wanted of keys) {
    for (const key of wanted) {
      signal?.throwIfAborted();
      await ahead.begin(key);
      if (!ahead.isFull() || !(await add())) continue;
      yield page;
      if (reusesBytes === true) release(page);
      [page, bytes] = [[], 0];
    }
    while (!ahead.isEmpty()) await add();
    if (page.length > 0) yield page;
    if (reusesBytes === true) release(page);
    [page, bytes] = [[], 0];
  }
}

function release(page: readonly ReadOutcome[]): void {
  for (const outcome of page) if (outcome.kind === "value") giveBack(outcome.value.bytes);
}

interface ReadAhead {
  begin(key: Key): Promise<void>;
  /** The outcome of the key that was begun first. */
  take(): Promise<ReadOutcome>;
  isFull(): boolean;
  isEmpty(): boolean;
}

/** Of values under way beside each other. Those of a snapshot may lie in as many packs as there were backups, and each part of a pack
 * takes a request of its own. */
const AHEAD_BYTES = 8_388_608;

function openReadAhead(side: Side): ReadAhead {
  const queue: { readonly outcome: Promise<ReadOutcome>; readonly size: number }[] = [];
  let size = 0;
  return {
    async begin(key) {
      const found = await findOne(side, key);
      const outcome = "kind" in found ? Promise.resolve(found) : readOne(side, found);
      // Whoever takes it is told.
      outcome.catch(() => undefined);
      queue.push({ outcome, size: "kind" in found ? 0 : found.size });
      size += queue.at(-1)!.size;
    },
    async take() {
      const first = queue.shift()!;
      size -= first.size;
      return first.outcome;
    },
    isFull: () => queue.length >= STORE_CALLS || size >= AHEAD_BYTES,
    isEmpty: () => queue.length === 0,
  };
}

async function findOne({ pages }: Side, key: Key): Promise<PageEntry | ReadOutcome> {
  try {
    return (await pages.find(key)) ?? { kind: "absent", key };
  } catch (error) {
    return { kind: "problem", key, problem: unreadable(key, error) };
  }
}

async function readOne({ reader, clock }: Side, found: PageEntry): Promise<ReadOutcome> {
  const { key, sha256, size } = found;
  try {
    const bytes = await reader.value(sha256, size);
    return { kind: "value", key, value: { entry: entryOfPage(found), bytes, readAt: clock.now() } };
  } catch (error) {
    return { kind: "problem", key, problem: unreadable(key, error) };
  }
}

/** Throws what is no damage. */
function unreadable(key: Key, error: unknown): Problem {
  if (!isDamage(error)) throw error;
  return problem("unreadable", key, `cannot be read from the repository: ${error.message}`);
}

function lostPage(label: string, page: number, entries: number, { message }: AppError): Problem {
  const what = `lacks all keys (${entries}) of its page ${page + 1}, which cannot be read: ${message}`;
  return { ...problem("unreadable", label, what), keys: entries };
}

function disordered(label: string, page: number): AppError {
  return new AppError("repository-damaged", `${label}: page ${page + 1} is not in the order of keys`, {
    hint: "take another snapshot: this one is not as kvsync writes them, and the command check tells of the others",
  });
}

async function* entryKeys(entries: Pages<Entry>): Pages<Key> {
  for await (const page of entries) yield page.map(({ key }) => key);
}

async function* onePage(keys: readonly Key[]): Pages<Key> {
  yield keys;
}
