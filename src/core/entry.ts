// Entries and versions: what a listing tells about a key, and when two sides hold the same.

import type { ByteCount, EpochMs, EpochSeconds } from "./clock.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { Key } from "./key.ts";

/** What `lstat` tells about the file that holds a value; equal signatures mean an unchanged file, unless racily clean. */
export interface FileSignature {
  readonly size: ByteCount;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly inode: number;
}

/** What a listing tells about one key at one side. Absent properties are undefined, never missing, so that all
 * entries share one hidden class. */
export interface Entry {
  readonly key: Key;
  /** Undefined: the listing does not tell; the value must be read. */
  readonly fingerprint: Fingerprint | undefined;
  /** The user's metadata as canonical JSON text (core/json.ts), without the stamp; undefined: none. */
  readonly metadata: string | undefined;
  readonly expiration: EpochSeconds | undefined;
  /** Seconds to live from the moment of writing, from a rule; never together with `expiration`. */
  readonly ttlSeconds: number | undefined;
  readonly size: ByteCount | undefined;
  /** Only on entries of a tree. */
  readonly signature: FileSignature | undefined;
  /** True if the value is known not to be UTF-8, false if known to be; decides bulk get or single get. */
  readonly binary: boolean | undefined;
}

/** What both sides last agreed on for a key: a row of the journal. */
export interface BaseRow {
  readonly key: Key;
  readonly fingerprint: Fingerprint;
  readonly metadata: string | undefined;
  readonly expiration: EpochSeconds | undefined;
  readonly size: ByteCount;
  /** As an entry's: how a value without a stamp, which must be read to be compared, is best read the next time. */
  readonly binary: boolean | undefined;
  /** The file that held this value when it was hashed; undefined when no side is a tree. */
  readonly signature: FileSignature | undefined;
  /** When `signature` was taken; a file changed at or after this moment is racily clean. */
  readonly hashedAt: EpochMs;
  /** When the version was written, or found on both sides: a listing may lag behind it from here on. (The file may have been
   * read long before its value was sent.) */
  readonly agreedAt: EpochMs;
  /** Versions that the key had before, newest first, encoded (core/settle.ts); undefined: it was absent until `agreedAt`. */
  readonly previous: string | undefined;
}

/** What a listing would show of what the base says; undefined for no base. */
export function baseEntry(base: BaseRow | undefined): Entry | undefined {
  if (base === undefined) return undefined;
  const { key, fingerprint, metadata, expiration, size, binary } = base;
  return {
    key,
    fingerprint,
    metadata,
    expiration,
    ttlSeconds: undefined,
    size,
    signature: undefined,
    binary,
  };
}

/** What the base remembers of a key that both sides are without: only what it was before. */
export interface Tombstone {
  readonly key: Key;
  readonly gone: true;
  readonly previous: string;
}

/** An expiration may be rounded on its way through KV; this much apart is still the same. */
const EXPIRATION_TOLERANCE_SECONDS = 2;

/** Whether metadata and expiration of two versions agree. A rule's time to live agrees with any expiration. */
export function sameAttributes(a: Attributes, b: Attributes): boolean {
  return a.metadata === b.metadata && sameExpiration(a, b);
}

/** Whether both are known, and the same. */
export function isSameVersion(a: Entry, b: Entry): boolean {
  return a.fingerprint === b.fingerprint && sameAttributes(a, b);
}

type Attributes = Pick<Entry, "metadata" | "expiration"> & Partial<Pick<Entry, "ttlSeconds">>;

function sameExpiration(a: Attributes, b: Attributes): boolean {
  if (a.ttlSeconds !== undefined) return b.expiration !== undefined || b.ttlSeconds !== undefined;
  if (b.ttlSeconds !== undefined) return a.expiration !== undefined;
  if (a.expiration === undefined || b.expiration === undefined) return a.expiration === b.expiration;
  return Math.abs(a.expiration - b.expiration) <= EXPIRATION_TOLERANCE_SECONDS;
}

export function sameSignature(a: FileSignature, b: FileSignature): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.inode === b.inode;
}

/** Timestamps advance in ticks of up to 10 ms on Linux, and of 2 s on file systems that keep whole seconds. */
const TICK_MS = 20;
const COARSE_TICK_MS = 2000;

/** Whether a file could have changed, within one tick of its clock, after `hashedAt` and still show `signature`: then
 * equal signatures prove nothing (the "racily clean" entries of git). */
export function isRacy(signature: FileSignature, hashedAt: EpochMs): boolean {
  const coarse = signature.mtimeMs % 1000 === 0 && signature.ctimeMs % 1000 === 0;
  const latest = Math.max(signature.mtimeMs, signature.ctimeMs);
  return latest >= hashedAt - (coarse ? COARSE_TICK_MS : TICK_MS);
}
