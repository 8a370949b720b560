// The Workers KV REST API as an interface: the 13 operations and the change feed of a server of ours, one method each, and what they cost. The client
// (kv/kv-client.ts) is its only implementation; whoever needs KV takes this, so that it can be counted and wrapped.

import type { ByteCount, DurationMs, EpochSeconds } from "../core/clock.ts";
import type { Json } from "../core/json-value.ts";
import type { Key } from "../core/key.ts";
import type { Intake } from "./answer-room.ts";
import type { ChangeEvent, FeedCursor } from "./changes/change-event.ts";

declare const namespaceIdBrand: unique symbol;

/** 32 lower-case hexadecimal digits. */
export type NamespaceId = string & { readonly [namespaceIdBrand]: true };

export interface Namespace {
  readonly id: NamespaceId;
  readonly title: string;
  /** Where its values must stay (`eu`), if it was created so. */
  readonly jurisdiction?: string;
  /** `instant`: KV Instant, which has no metadata; of a usual namespace there is none. */
  readonly mode?: string;
}

/** One key of a listing, as the API gives it. */
export interface ListedKey {
  readonly name: string;
  readonly expiration?: EpochSeconds;
  readonly metadata?: Json;
}

export interface ListKeysPage {
  readonly keys: readonly ListedKey[];
  /** Empty: this was the last page. A page may be empty and still have a cursor. */
  readonly cursor: string;
}

export interface WriteAttributes {
  /** JSON text of at most 1,024 bytes. */
  readonly metadata?: string | undefined;
  readonly expiration?: EpochSeconds | undefined;
  readonly ttlSeconds?: number | undefined;
}

/** A request body whose length is known before it is sent, and which can be sent again. */
export interface SizedBody {
  readonly byteLength: ByteCount;
  /** The body's chunks, from the start, each time it is called. */
  chunks(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

export interface BulkResult {
  readonly successfulCount: number | undefined;
  /** Keys that were not written or deleted everywhere and should be retried. */
  readonly unsuccessfulKeys: readonly string[];
}

export interface BulkValue {
  /** Undefined: the text has half of a surrogate pair, so that it is not what was stored. */
  readonly bytes: Uint8Array | undefined;
  readonly metadata: Json | undefined;
  readonly expiration: EpochSeconds | undefined;
}

/** A value being read: its bytes arrive while they are consumed. */
export interface ValueStream {
  readonly expiration: EpochSeconds | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  /** All of it, at most 25 MiB and a little, else an error. */
  bytes(): Promise<Uint8Array>;
}

/** What requests are counted by. */
export const OPERATIONS = [
  "list",
  "bulkWrite",
  "bulkDelete",
  "bulkGet",
  "read",
  "write",
  "delete",
  "metadata",
  "namespace",
  "changes",
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Requests sent so far, retries included, by operation. */
export interface RequestCounts extends Readonly<Record<Operation, number>> {
  readonly total: number;
  readonly retries: number;
  readonly bytesUp: ByteCount;
  readonly bytesDown: ByteCount;
}

/** A person's change before a scan before a scrub before a backup of the daemon's: who goes first when the request budget is short. */
export type Priority = "edit" | "scan" | "scrub" | "backup";

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** By default listings are "scan" and all else is "edit". */
  readonly priority?: Priority | undefined;
  readonly once?: Once | undefined;
  /** Of a read, whose answer is held back until there is room for it: a value as bytes, or a bulk get. */
  readonly intake?: Intake | undefined;
}

/** Of a call that changes something, when the caller wants to look before it is tried again: it is sent once, and no later
 * than `withinMs` from now, and fails with a `retryable` error if that was not enough. */
interface Once {
  readonly withinMs: DurationMs;
}

interface CreateOptions extends CallOptions {
  /** Where its values must stay, and what kind it is of: for good. */
  readonly jurisdiction?: string | undefined;
  readonly mode?: string | undefined;
  /** The ids of a listing just before, which showed no namespace of this title: if an answer is lost, and the title is taken then
   * by a namespace that is not among these, this call has created it. Without them that is `namespace-exists`, since nobody
   * can tell who created it. */
  readonly idsBefore?: ReadonlySet<NamespaceId> | undefined;
}

/** All methods throw AppError: `unauthorized`, `namespace-not-found`, `rate-limited`, `network`, `api-error`, ... after
 * their retries are used up. */
export interface KvApi {
  listNamespaces(options?: CallOptions): AsyncIterable<readonly Namespace[]>;
  createNamespace(title: string, options?: CreateOptions): Promise<Namespace>;
  getNamespace(id: NamespaceId, options?: CallOptions): Promise<Namespace>;
  renameNamespace(id: NamespaceId, title: string, options?: CallOptions): Promise<Namespace>;
  deleteNamespace(id: NamespaceId, options?: CallOptions): Promise<void>;
  listKeys(
    id: NamespaceId,
    query: { readonly prefix?: string; readonly cursor?: string; readonly limit?: number },
    options?: CallOptions,
  ): Promise<ListKeysPage>;
  /** Undefined: the key does not exist. `null`: it has no metadata. */
  readMetadata(id: NamespaceId, key: Key, options?: CallOptions): Promise<Json | undefined>;
  /** Undefined: the key does not exist. */
  readValue(id: NamespaceId, key: Key, options?: CallOptions): Promise<ValueStream | undefined>;
  writeValue(
    id: NamespaceId,
    key: Key,
    value: SizedBody,
    attributes: WriteAttributes,
    options?: CallOptions,
  ): Promise<void>;
  deleteValue(id: NamespaceId, key: Key, options?: CallOptions): Promise<void>;
  /** `body` is the JSON array of at most 10,000 pairs. */
  bulkWrite(id: NamespaceId, body: SizedBody, options?: CallOptions): Promise<BulkResult>;
  /** `form` "delete" is the deprecated DELETE with a body, for servers that know no other. */
  bulkDelete(
    id: NamespaceId,
    keys: readonly Key[],
    options?: CallOptions & { readonly form?: "post" | "delete" },
  ): Promise<BulkResult>;
  /** At most 100 keys; missing ones are null. Throws `not-text` if any value is not UTF-8. */
  bulkGet(id: NamespaceId, keys: readonly Key[], options?: CallOptions): Promise<ReadonlyMap<string, BulkValue | null>>;
  /** Whether the server offers a feed of what changes in a namespace, as its last answer about one said. */
  offersChanges(): boolean;
  /** What changes in a namespace, as it happens: from `since` on, or from now. Sent once. It ends after "gone"; else it throws when the
   * connection is lost. `namespace-not-found`; `api-error`, `api-malformed`: there is no such feed. */
  readChanges(id: NamespaceId, since: FeedCursor | undefined, options?: CallOptions): AsyncIterable<ChangeEvent>;
  counts(): RequestCounts;
  close(): Promise<void>;
}
