// The paths of the API's operations, as they go onto the wire. A key is one percent-encoded segment; the dispatcher
// sends paths as they are, so the only danger is in the names themselves: `..` would turn the DELETE of a key into the
// DELETE of its namespace. They are refused here once more, whoever made the Key.

import { AppError, visible } from "../core/errors.ts";
import { type Key, keyFault } from "../core/key.ts";
import type { NamespaceId, WriteAttributes } from "./kv-api.ts";
import { checkNamespaceId } from "./namespace-id.ts";

export interface Paths {
  /** They are those of `wrangler dev`, for what it keeps on this machine. */
  readonly isLocalExplorer: boolean;
  namespaces(query?: Query): string;
  namespace(id: NamespaceId): string;
  keys(id: NamespaceId, query: Query): string;
  metadata(id: NamespaceId, key: Key): string;
  value(id: NamespaceId, key: Key, attributes?: WriteAttributes): string;
  changes(id: NamespaceId, since: string | undefined): string;
  bulk(id: NamespaceId, operation?: "get" | "delete"): string;
}

type Query = Readonly<Record<string, string | number | undefined>>;

/** Where `wrangler dev` has the same operations for what it keeps on this machine: `/cdn-cgi/explorer/api`, and in later versions
 * `/cdn-cgi/local/explorer/api`. It knows of no accounts. */
const LOCAL_EXPLORER = /\/cdn-cgi\/(?:local\/)?explorer\/api$/;

/** `basePath` without a trailing slash: `/client/v4`. */
export function buildPaths(basePath: string, accountId: string): Paths {
  const isLocalExplorer = LOCAL_EXPLORER.test(basePath);
  const all = `${basePath}${isLocalExplorer ? "" : `/accounts/${accountId}`}/storage/kv/namespaces`;
  const one = (id: NamespaceId): string => `${all}/${checkNamespaceId(id)}`;
  return {
    isLocalExplorer,
    namespaces: (query = {}) => all + queryText(query),
    namespace: one,
    keys: (id, query) => `${one(id)}/keys${queryText(query)}`,
    metadata: (id, key) => `${one(id)}/metadata/${encodeKey(key)}`,
    value: (id, key, attributes) => {
      const { ttlSeconds, expiration } = attributes ?? {};
      const query = ttlSeconds === undefined ? { expiration } : { expiration_ttl: ttlSeconds };
      return `${one(id)}/values/${encodeKey(key)}${queryText(query)}`;
    },
    changes: (id, since) => `${one(id)}/changes${queryText({ since })}`,
    bulk: (id, operation) => `${one(id)}/bulk${operation === undefined ? "" : `/${operation}`}`,
  };
}

function encodeKey(key: Key): string {
  const fault = keyFault(key);
  if (fault !== undefined)
    throw new AppError("key-invalid", `"${visible(key)}" is no legal key (${fault})`, {
      hint: "a key has 1 to 512 bytes of UTF-8 and is neither . nor ..",
    });
  return encodeURIComponent(key);
}

function queryText(query: Query): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}
