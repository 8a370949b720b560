// What the KV server keeps its data in: namespaces, their entries, and the log of what changed. A port: `sqlite/` and `postgres/` are its
// kinds, and the layer that lags wraps one. Several processes may have the same data open.
//
// Any call may throw, or reject with, {@link StoreUnavailable}.
//
// An entry whose expiration has come (`now >= expiration`) is invisible everywhere, whether it was purged or not. A namespace that was
// removed is gone for readers at once; its rows go little by little.

import type { ByteCount, EpochMs, EpochSeconds } from "../../core/clock.ts";

/** What a store within this process answers at once, and another one promises. */
export type Soon<T> = T | Promise<T>;

/** `Port`, all of whose calls are answered at once. */
export type AtOnce<Port> = {
  readonly [Call in keyof Port]: Port[Call] extends (...given: infer Given) => infer Result
    ? (...given: Given) => Exclude<Result, Promise<unknown>>
    : never;
};

/** Of a namespace, the 32 hexadecimal digits that it is asked for by: they are never given again, in no account. */
export type StoredNamespaceId = string;

export interface StoredNamespace {
  readonly id: StoredNamespaceId;
  readonly title: string;
  /** As it was created with. */
  readonly jurisdiction?: string | undefined;
  readonly mode?: string | undefined;
}

/** What a namespace is created with, besides its title. */
export type NamespaceKind = Pick<StoredNamespace, "jurisdiction" | "mode">;

interface NamespacePage {
  readonly order: "id" | "title";
  readonly direction: "asc" | "desc";
  readonly offset: number;
  readonly count: number;
}

export interface NamespaceReader {
  find(account: string, id: StoredNamespaceId): Soon<StoredNamespace | undefined>;
  /** In the byte order of what they are ordered by. */
  list(account: string, page: NamespacePage): Soon<StoredNamespace[]>;
  count(account: string): Soon<number>;
  /** The accounts that have a namespace, in byte order. */
  accounts(): Soon<string[]>;
}

export interface NamespaceStore extends NamespaceReader {
  /** Undefined: the account has a namespace of that title already. */
  create(account: string, title: string, kind?: NamespaceKind): Soon<StoredNamespace | undefined>;
  /** "taken": another namespace of the account has that title. "gone": there is no such namespace any more. */
  rename(account: string, id: StoredNamespaceId, title: string): Soon<"renamed" | "taken" | "gone">;
  /** False: it was gone already. */
  remove(id: StoredNamespaceId): Soon<boolean>;
}

/** A value that is too long to be held whole. Its parts can be read until {@link REPLACED_VALUE_LIFETIME_MS} after it was
 * replaced or removed; then, or if they are gone for another reason, the iteration throws. */
export interface LongValue {
  readonly byteLength: ByteCount;
  /** Each time from the start. A part is at most {@link PART_BYTES} long, and is to be used before the next one is asked for. */
  parts(): AsyncIterable<Uint8Array>;
}

/** What is stored under a key. */
export interface StoredEntry {
  readonly value: Uint8Array | LongValue;
  /** Compact JSON text; null: none. */
  readonly metadata: string | null;
  readonly expiration: number | null;
}

/** An entry with its value as JSON. */
export interface QuotedEntry extends Pick<StoredEntry, "metadata" | "expiration"> {
  /** A JSON string; undefined: the value is no UTF-8. */
  readonly json: string | undefined;
  /** Of the value. */
  readonly byteLength: ByteCount;
}

/** One row of a listing. An array, as databases give it: listings are hot. */
export type ListedRow = readonly [key: string, metadata: string | null, expiration: number | null];

export interface KeyRange {
  /** Only keys after this one; "": from the start. */
  readonly after: string;
  readonly prefix: string;
  readonly limit: number;
}

export interface EntryReader {
  read(namespace: StoredNamespaceId, key: string, now: EpochSeconds): Soon<StoredEntry | undefined>;
  /** Of each of `keys`, in their order, as they were at one moment; undefined: there is no such key. "too-large": their values are
   * more than `bytesMax` together, which is known without reading them. */
  readQuoted(
    namespace: StoredNamespaceId,
    keys: readonly string[],
    bytesMax: ByteCount,
    now: EpochSeconds,
  ): Soon<readonly (QuotedEntry | undefined)[] | "too-large">;
  /** Undefined: there is no such key. */
  readMetadata(
    namespace: StoredNamespaceId,
    key: string,
    now: EpochSeconds,
  ): Soon<{ readonly metadata: string | null } | undefined>;
  /** Rows in UTF-8 byte order of their keys. */
  list(namespace: StoredNamespaceId, range: KeyRange, now: EpochSeconds): Soon<ListedRow[]>;
}

/** A value that {@link Store.stage} has stored, and that no key has yet. Only the store that made it knows what is in it. */
export interface StagedValue {
  readonly byteLength: ByteCount;
  readonly staged: unknown;
}

export interface EntryWrite {
  readonly key: string;
  /** A string is stored as its UTF-8 bytes. */
  readonly value: string | Uint8Array | StagedValue;
  readonly metadata: string | null;
  readonly expiration: number | null;
}

export interface EntryStore extends EntryReader {
  /** All of `writes`, or none. They are in key order, and each key is there once. False: nothing was written, since there is no such
   * namespace any more. */
  write(namespace: StoredNamespaceId, writes: readonly EntryWrite[], now: EpochSeconds): Soon<boolean>;
  /** All of `keys`, each of which is there once; those that there are not count as removed. */
  remove(namespace: StoredNamespaceId, keys: readonly string[], now: EpochSeconds): Soon<void>;
}

/** Of one namespace, ascending in the order in which changes became visible. */
export type ChangeNumber = number;

/** What one transaction changed in a namespace. */
export interface Change {
  readonly number: ChangeNumber;
  /** Written, removed, or purged since they expired. At most {@link CHANGE_KEYS_MAX}: a larger one is several. */
  readonly keys: readonly string[];
}

/** The log of what changed. It is kept from the first call of `last` for a namespace on, and each change for {@link CHANGE_LIFETIME_MS}. */
export interface ChangeLog {
  /** Where the log of the namespace ends: what changes from now on has a higher number. Undefined: there is no such namespace. */
  last(namespace: StoredNamespaceId): Soon<ChangeNumber | undefined>;
  /** Up to `count` changes after `after`, the oldest first. "forgotten": the log does not go back so far, or not forward: `after` is of another
   * database. Undefined: there is no such namespace. */
  read(
    namespace: StoredNamespaceId,
    after: ChangeNumber,
    count: number,
  ): Soon<readonly Change[] | "forgotten" | undefined>;
  /** What a number is good for: under another era it may be of data that have been put back from an older copy since. */
  era(): Soon<string>;
  /** Calls `listener` when there may be something new in the log of the namespace, or the namespace may be gone, by whatever process;
   * also for nothing, as after a lost connection to the database. Returns what ends it. */
  watch(namespace: StoredNamespaceId, listener: () => void): () => void;
}

/** What only reads. Its refusal of every write is the server's affair. */
export interface ReadOnlyStore {
  readonly isReadOnly: true;
  readonly namespaces: NamespaceReader;
  readonly entries: EntryReader;
}

/** Each call is a unit by itself: done as a whole, or not at all. */
export interface WritableStore {
  readonly namespaces: NamespaceStore;
  readonly entries: EntryStore;
}

export interface Store extends WritableStore {
  /** What `body` asks of the store it is given is one unit: read as of one moment, and written as a whole when it resolves, or not at all if it
   * rejects. It may be run again from its start, so it does nothing else; of the outer store it asks nothing, or it waits for itself. */
  transaction<T>(body: (store: WritableStore) => Soon<T>): Promise<T>;
  /** Stores a value part by part, for a `write` that follows; what never follows is purged after
   * {@link REPLACED_VALUE_LIFETIME_MS}. Rejects as `chunks` does. */
  stage(chunks: AsyncIterable<Uint8Array>): Promise<StagedValue>;
  readonly changes: ChangeLog;
  /** Deletes up to about `count` rows of what expired, was dropped, replaced or never written, or is too old in the log. Returns how many there
   * were. 0 where another process is at it. */
  purge(now: EpochMs, count: number): Soon<number>;
  /** Rejects if the data cannot be reached. */
  check(): Soon<void>;
  close(): Soon<void>;
}

/** Thrown by any call: the data cannot be reached, or is locked, at the moment. The same call may succeed later. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}

/** Of a value that is stored in parts. */
export const PART_BYTES = 512 * 1024;
/** Longer than a client may take to read a value, or to send one. */
export const REPLACED_VALUE_LIFETIME_MS = 30 * 60_000;
export const CHANGE_KEYS_MAX = 1000;
/** A daemon that was away for longer lists the namespace. */
export const CHANGE_LIFETIME_MS = 7 * 86_400_000;
/** The log of a namespace is kept for so long after somebody asked for it; twice as long as its changes, so that it need not be noted each time. */
export const LOG_KEPT_MS = 2 * CHANGE_LIFETIME_MS;
