// The Store port: named objects that are written once. What a repository needs of a folder or a bucket, and no more, so that any
// object store will do. test/conformance/ holds each kind to it.
//
// - Names are ASCII: letters, digits, `.`, `-` and `/`, and no part begins with a dot (object-name.ts). An object's bytes never change: whoever
//   writes a name again writes bytes that mean the same.
// - An object that `putNew` said is written is durable, and `get` and `head` find it at once. A `list` may lag behind by minutes.
// - A failure is an AppError: "unauthorized" (credentials, permissions), "network" (after all retries), "disk-full", "io", or
//   "store-failed" for any other answer. Calls may run beside each other, {@link STORE_CALLS} at a time.
// - After a failed or lost `putNew` the object may or may not be there, but never a part of it under its name.

import type { ByteCount, DurationMs, EpochMs } from "../../core/clock.ts";
import type { AppError } from "../../core/errors.ts";

export interface StoredObject {
  readonly name: string;
  readonly size: ByteCount;
  /** By the store's own clock. */
  readonly modified: EpochMs;
}

export interface Range {
  readonly at: ByteCount;
  readonly length: ByteCount;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What a store that is reached by requests tells of them. */
export interface StoreEvents {
  /** A request is sent, be it once more. */
  readonly onRequest?: (() => void) | undefined;
  /** A request failed, and is sent again after `waitMs`. */
  readonly onRetry?: ((event: StoreRetry) => void) | undefined;
}

export interface StoreRetry {
  readonly error: AppError;
  readonly waitMs: DurationMs;
}

export interface Store {
  /** For people: `./backups`, `s3://bucket/prefix`. */
  readonly label: string;
  /** "exists": there is an object of this name already; it stays, and may be damaged. A store that cannot tell may write it once more. */
  putNew(name: string, bytes: Uint8Array, options?: CallOptions): Promise<"written" | "exists">;
  /** The bytes of an object, or of a part of it. Undefined: there is no such object. Throws AppError "repository-damaged" if the
   * object ends before the range does. */
  get(name: string, range?: Range, options?: CallOptions): Promise<Uint8Array | undefined>;
  head(name: string, options?: CallOptions): Promise<StoredObject | undefined>;
  /** All objects whose names begin with `prefix`, which ends in `/` or is empty; in any order. */
  list(prefix: string, options?: CallOptions): AsyncIterable<readonly StoredObject[]>;
  /** An object that is not there counts as removed. */
  remove(name: string, options?: CallOptions): Promise<void>;
  /** The time of day by the store's own clock. */
  now(options?: CallOptions): Promise<EpochMs>;
  close(): Promise<void>;
}

/** How many calls the callers of a store have under way at most. */
export const STORE_CALLS = 8;
