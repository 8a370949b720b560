// Entries from what a listing of the API tells.

import type { Entry } from "../../core/entry.ts";
import type { Key } from "../../core/key.ts";
import { unstampMetadata } from "../../core/stamp.ts";
import type { ListedKey } from "../../kv/kv-api.ts";

/** The entry of `key`, which the namespace has as `listed`. Only a stamp tells the fingerprint, size and kind. */
export function listedEntry(key: Key, listed: ListedKey): Entry {
  const { stamp, metadata } = unstampMetadata(listed.metadata);
  return {
    key,
    fingerprint: stamp?.fingerprint,
    metadata,
    expiration: listed.expiration,
    ttlSeconds: undefined,
    size: stamp?.size,
    signature: undefined,
    binary: stamp?.binary,
  };
}
