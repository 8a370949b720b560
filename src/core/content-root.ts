// The content root: one digest of all keys with their values, metadata and expirations, by which two places are proved equal
// without holding one against the other. It is the same for a namespace, a folder, an archive and a snapshot.
//
// A leaf is the SHA-256 of one entry. A range is a run of leaves in key order, and ends behind a key whose hash says so (about
// every 1,000 entries), so that an insertion changes the hash of one range only. The root hashes the ranges. Each kind begins
// with a byte of its own, and what varies in length stands behind its length.

import { createHash, hash } from "node:crypto";
import type { ByteCount, EpochSeconds } from "./clock.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { Key } from "./key.ts";

export interface Leaf {
  readonly key: Key;
  /** The SHA-256 of the value, as 64 hexadecimal digits. */
  readonly sha256: string;
  readonly size: ByteCount;
  /** The user's metadata as canonical JSON text, without a stamp. */
  readonly metadata: string | undefined;
  readonly expiration: EpochSeconds | undefined;
}

/** An entry of which only the fingerprint is known, as a listing with stamps tells it. */
export interface VersionLeaf extends Omit<Leaf, "sha256" | "size"> {
  readonly fingerprint: Fingerprint;
}

export interface RootHash {
  /** In strictly ascending order of key. Whether a range ends behind it, as {@link endsRange} tells. */
  add(leaf: Leaf): boolean;
  /** As 64 hexadecimal digits. No leaf may follow. */
  digest(): string;
}

const LEAF = 0;
const RANGE = 1;
const ROOT = 2;
const VERSION_LEAF = 3;
/** On average, the entries of a range: a power of two. */
const RANGE_ENTRIES = 1024;
const HASH_BYTES: ByteCount = 32;

export function openRootHash(): RootHash {
  const root = createHash("sha256").update(Uint8Array.of(ROOT));
  const range = openRange();
  return {
    add(leaf) {
      range.add(leaf);
      if (!endsRange(leaf.key)) return false;
      root.update(range.end());
      return true;
    },
    digest() {
      if (!range.isEmpty()) root.update(range.end());
      return root.digest("hex");
    },
  };
}

/** The hash of one range: of leaves of which only the last one may end a range. */
export function hashRange(leaves: readonly Leaf[]): Buffer {
  const range = openRange(leaves.length);
  for (const leaf of leaves) range.add(leaf);
  return range.end();
}

/** The content root of these ranges, in order. */
export function rootOfRanges(ranges: Iterable<Uint8Array>): string {
  const root = createHash("sha256").update(Uint8Array.of(ROOT));
  for (const range of ranges) root.update(range);
  return root.digest("hex");
}

interface RangeHash {
  add(leaf: Leaf): void;
  isEmpty(): boolean;
  /** The hash of what was added. The next range begins. */
  end(): Buffer;
}

/** The hashes of its leaves lie in one piece of memory, which is used for each range. */
function openRange(leaves = RANGE_ENTRIES): RangeHash {
  let bytes = Buffer.alloc(1 + leaves * HASH_BYTES);
  bytes[0] = RANGE;
  let size = 1;
  return {
    add(leaf) {
      if (size + HASH_BYTES > bytes.byteLength) bytes = Buffer.concat([bytes], 2 * bytes.byteLength);
      size += bytes.write(leafBytes(leaf), size, "binary");
    },
    isEmpty: () => size === 1,
    end() {
      const digest = hash("sha256", bytes.subarray(0, size), "buffer");
      size = 1;
      return digest;
    },
  };
}

/** The hash of one range, of the hashes of its leaves. */
export function hashLeaves(leaves: readonly Uint8Array[]): Buffer {
  return hash("sha256", Buffer.concat([Uint8Array.of(RANGE), ...leaves]), "buffer");
}

/** Whether a range of the root ends behind `key`, and a page of a snapshot: the same runs of entries so have the same hash wherever
 * they are. */
export function endsRange(key: Key): boolean {
  // The first four bytes as one number, the highest first, of which only the last ten bits count.
  const digest = hash("sha256", key, "binary");
  return (((digest.charCodeAt(2) << 8) | digest.charCodeAt(3)) & (RANGE_ENTRIES - 1)) === 0;
}

const FIXED_BYTES: ByteCount = 1 + 4 + 8 + 8 + 1 + 4;

/** The hash of one entry by its whole value: what a content root is made of. */
export function hashLeaf(leaf: Leaf): Buffer {
  return Buffer.from(leafBytes(leaf), "binary");
}

/** The hash of one entry by the fingerprint of its value. A root of such leaves proves as much of any two places that both are of,
 * though it is no content root: 128 bits stand for each value. */
export function hashVersionLeaf(leaf: VersionLeaf): Buffer {
  const value = { kind: VERSION_LEAF, text: leaf.fingerprint, encoding: "base64url", size: 0 } as const;
  return Buffer.from(hashEntry(leaf, value), "binary");
}

function leafBytes(leaf: Leaf): string {
  return hashEntry(leaf, { kind: LEAF, text: leaf.sha256, encoding: "hex", size: leaf.size });
}

interface HashedValue {
  readonly kind: number;
  readonly text: string;
  readonly encoding: "hex" | "base64url";
  readonly size: ByteCount;
}

/** What is hashed of a leaf, one after the other. */
let scratch = Buffer.alloc(4096);

/** As a string of bytes: to make a buffer of each takes twice as long as the hash itself. */
function hashEntry(
  { key, metadata, expiration }: Pick<Leaf, "key" | "metadata" | "expiration">,
  { kind, text, encoding, size }: HashedValue,
): string {
  const bytesMax = FIXED_BYTES + HASH_BYTES + 3 * (key.length + (metadata?.length ?? 0));
  if (bytesMax > scratch.byteLength) scratch = Buffer.alloc(bytesMax);
  const keyBytes = scratch.write(key, FIXED_BYTES);
  const hashAt = FIXED_BYTES + keyBytes;
  const moreAt = hashAt + scratch.write(text, hashAt, encoding);
  const moreBytes = metadata === undefined ? 0 : scratch.write(metadata, moreAt);
  scratch[0] = kind;
  scratch.writeUInt32BE(keyBytes, 1);
  writeUInt64(size, 5);
  // No expiration is 0: the second in which the epoch began.
  writeUInt64(expiration ?? 0, 13);
  scratch[21] = metadata === undefined ? 0 : 1;
  scratch.writeUInt32BE(moreBytes, 22);
  return hash("sha256", scratch.subarray(0, moreAt + moreBytes), "binary");
}

/** The highest byte first. */
function writeUInt64(value: number, at: number): void {
  scratch.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  scratch.writeUInt32BE(value % 2 ** 32, at + 4);
}
