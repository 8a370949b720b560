// One value as bytes.

import type { Key } from "../core/key.ts";
import type { CallOptions, KvApi, NamespaceId } from "./kv-api.ts";
import { KvError } from "./kv-error.ts";

/** Undefined: the key does not exist, or went away between two attempts at reading it. */
export async function readValueBytes(
  api: KvApi,
  namespaceId: NamespaceId,
  key: Key,
  options: CallOptions,
): Promise<Uint8Array | undefined> {
  try {
    return await (await api.readValue(namespaceId, key, options))?.bytes();
  } catch (error) {
    if (error instanceof KvError && error.code === "key-not-found") return undefined;
    throw error;
  }
}
