// Entries from what a listing of the API tells.

import type { Entry } from "../../core/entry.ts";
import { findJsonFault } from "../../core/json.ts";
import { type Json } from "../../core/json-value.ts";
import type { Key } from "../../core/key.ts";
import { type Problem, problem } from "../../core/problem.ts";
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

/** Why the metadata that KV has of `key` cannot be carried to another side as it is. */
export function metadataFault(key: Key, metadata: Json | undefined): Problem | undefined {
  const fault = findJsonFault(metadata);
  return fault === undefined ? undefined : problem("metadata-invalid", key, `has metadata that ${fault}`);
}
