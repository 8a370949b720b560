// What a listing tells before anything is read: how many keys, how large, and what of them a kind of namespace cannot take. And a digest
// of it, by which a saved plan knows again what it was made of.

import { createHash, type Hash } from "node:crypto";
import type { ByteCount } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import type { ReadableReplica } from "../../replica/replica.ts";
import { INSTANT_KEY_BYTES_MAX } from "./instant.ts";

export interface SeenListing {
  readonly keys: number;
  /** Of the values whose size is told; and how many are not. */
  readonly bytes: ByteCount;
  readonly unsized: number;
  readonly withMetadata: number;
  /** Over 300 bytes. */
  readonly longKeys: number;
  readonly digest: string;
}

/** `replica`, and what its last listing has shown so far. */
export function watchListing<R extends ReadableReplica>(replica: R): { readonly replica: R; seen(): SeenListing } {
  let tally = newTally();
  return {
    replica: {
      ...replica,
      async *list(options) {
        tally = newTally();
        for await (const page of replica.list(options)) {
          for (const entry of page) see(tally, entry);
          yield page;
        }
      },
    },
    seen: () => {
      const { digest, ...counts } = tally;
      return { ...counts, digest: digest.copy().digest("hex") };
    },
  };
}

interface Tally {
  keys: number;
  bytes: ByteCount;
  unsized: number;
  withMetadata: number;
  longKeys: number;
  readonly digest: Hash;
}

function newTally(): Tally {
  return { keys: 0, bytes: 0, unsized: 0, withMetadata: 0, longKeys: 0, digest: createHash("sha256") };
}

function see(tally: Tally, { key, size, fingerprint, metadata, expiration }: Entry): void {
  tally.keys++;
  if (size === undefined) tally.unsized++;
  else tally.bytes += size;
  if (metadata !== undefined) tally.withMetadata++;
  const isLong = key.length * 3 > INSTANT_KEY_BYTES_MAX && Buffer.byteLength(key) > INSTANT_KEY_BYTES_MAX;
  if (isLong) tally.longKeys++;
  tally.digest.update(`${JSON.stringify([key, fingerprint ?? null, metadata ?? null, expiration ?? null])}\n`);
}
