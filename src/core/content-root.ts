// The content root: one digest of all keys with their values, metadata and expirations, by which two places are proved equal
// without holding one against the other. It is the same for a namespace, a folder, an archive and a snapshot.
//
// A leaf is the SHA-256 of one entry. A range is a run of leaves in key order, and ends behind a key whose hash says so (about
// every 1,000 entries), so that an insertion changes the hash of one range only. The root hashes the ranges. Each kind begins
// with a byte of its own, and what varies in length stands behind its length.

import { createHash, hash } from "node:crypto";
import type { ByteCount, EpochSeconds } from "./clock.ts";
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

export interface RootHash {
  /** In strictly ascending order of key. */
  add(leaf: Leaf): void;
  /** As 64 hexadecimal digits. No leaf may follow. */
  digest(): string;
}

const LEAF = 0;
const RANGE = 1;
const ROOT = 2;
/** On average, the entries of a range. */
const RANGE_ENTRIES = 1024;

export function openRootHash(): RootHash {
  const root = createHash("sha256").update(Uint8Array.of(ROOT));
  let range: Buffer[] = [];
  const endRange = (): void => {
    if (range.length === 0) return;
    root.update(hashLeaves(range));
    range = [];
  };
  return {
    add(leaf) {
      range.push(hashLeaf(leaf));
      if (endsRange(leaf.key)) endRange();
    },
    digest() {
      endRange();
      return root.digest("hex");
    },
  };
}

/** The hash of one range: of leaves of which only the last one may end a range. */
export function hashRange(leaves: readonly Leaf[]): Buffer {
  return hashLeaves(leaves.map(hashLeaf));
}

/** The content root of these ranges, in order. */
export function rootOfRanges(ranges: Iterable<Uint8Array>): string {
  const root = createHash("sha256").update(Uint8Array.of(ROOT));
  for (const range of ranges) root.update(range);
  return root.digest("hex");
}

function hashLeaves(leaves: readonly Buffer[]): Buffer {
  return hash("sha256", Buffer.concat([Uint8Array.of(RANGE), ...leaves]), "buffer");
}

/** Whether a range of the root ends behind `key`, and a page of a snapshot: the same runs of entries so have the same hash wherever
 * they are. */
export function endsRange(key: Key): boolean {
  return hash("sha256", key, "buffer").readUInt32BE(0) % RANGE_ENTRIES === 0;
}

function hashLeaf({ key, sha256, size, metadata, expiration }: Leaf): Buffer {
  const name = Buffer.from(key);
  const more = Buffer.from(metadata ?? "");
  const fixed = Buffer.alloc(1 + 4 + 8 + 8 + 1 + 4);
  fixed.writeUInt8(LEAF, 0);
  fixed.writeUInt32BE(name.byteLength, 1);
  fixed.writeBigUInt64BE(BigInt(size), 5);
  // No expiration is 0: the second in which the epoch began.
  fixed.writeBigUInt64BE(BigInt(expiration ?? 0), 13);
  fixed.writeUInt8(metadata === undefined ? 0 : 1, 21);
  fixed.writeUInt32BE(more.byteLength, 22);
  return hash("sha256", Buffer.concat([fixed, name, Buffer.from(sha256, "hex"), more]), "buffer");
}
