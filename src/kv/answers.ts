// The results of the operations, from JSON that someone sent to types. What has not the form that the API documents is
// an error, and never a guess: an answer misread as "no keys" would look like deletions.

import { parseEpochSeconds } from "../core/clock.ts";
import { isJsonObject } from "../core/json.ts";
import { type Json } from "../core/json-value.ts";
import type { BulkResult, BulkValue, ListKeysPage, Namespace } from "./kv-api.ts";
import { KvError } from "./kv-error.ts";
import { parseNamespaceId } from "./namespace-id.ts";

type Info = { readonly [name: string]: Json };

export function parseNamespace(result: Json | undefined, what: string): Namespace {
  const { id, title, jurisdiction, mode } = isJsonObject(result) ? result : {};
  const parsed = typeof id === "string" ? parseNamespaceId(id) : undefined;
  if (parsed === undefined || typeof title !== "string") throw malformed(what, "has no namespace in it");
  return {
    id: parsed,
    title,
    ...(typeof jurisdiction === "string" && { jurisdiction }),
    ...(typeof mode === "string" && { mode }),
  };
}

/** The API tells the number of pages, or of all namespaces; without either, the last page is the first empty one. */
export function parseNamespacesPage(
  result: Json | undefined,
  info: Info,
  page: number,
  what: string,
): { readonly namespaces: readonly Namespace[]; readonly isLast: boolean } {
  if (!Array.isArray(result)) throw malformed(what, "has no list in it");
  const namespaces = (result as readonly Json[]).map((item) => parseNamespace(item, what));
  const { total_pages: pages, total_count: total, per_page: perPage } = info;
  if (namespaces.length === 0) return { namespaces, isLast: true };
  if (typeof pages === "number") return { namespaces, isLast: page >= pages };
  if (typeof total === "number" && typeof perPage === "number") return { namespaces, isLast: page * perPage >= total };
  return { namespaces, isLast: false };
}

export function parseKeysPage(result: Json | undefined, info: Info, what: string): ListKeysPage {
  if (!Array.isArray(result)) throw malformed(what, "has no list of keys in it");
  // 1,000 at a time and often: checked in place rather than copied.
  for (const item of result as readonly Json[]) {
    if (!isJsonObject(item) || typeof item["name"] !== "string") throw malformed(what, "has a key without a name");
    const { expiration } = item;
    if (expiration !== undefined && parseEpochSeconds(expiration) === undefined)
      throw malformed(what, "has a key with an expiration that is no time");
  }
  const { cursor } = info;
  if (cursor !== undefined && cursor !== null && typeof cursor !== "string")
    throw malformed(what, "has a cursor that is no text");
  return { keys: result, cursor: cursor ?? "" };
}

/** Before November 2024 the result was null: all keys were written, as far as one could know. */
export function parseBulkResult(result: Json | undefined, what: string): BulkResult {
  if (result === undefined || result === null) return { successfulCount: undefined, unsuccessfulKeys: [] };
  if (!isJsonObject(result)) throw malformed(what, "does not tell what was done");
  const { successful_key_count: count, unsuccessful_keys: keys } = result;
  if (count !== undefined && count !== null && !isCount(count)) throw malformed(what, "has a count that is no number");
  if (keys !== undefined && keys !== null && !isTexts(keys))
    throw malformed(what, "has unsuccessful keys that are no list");
  return { successfulCount: count ?? undefined, unsuccessfulKeys: keys ?? [] };
}

export function parseBulkValues(
  result: Json | undefined,
  keys: readonly string[],
  what: string,
): ReadonlyMap<string, BulkValue | null> {
  const values = isJsonObject(result) ? result["values"] : undefined;
  if (!isJsonObject(values)) throw malformed(what, "has no values in it");
  return new Map(
    keys.map((key) => {
      // A key may be named like a property of every object ("constructor").
      if (!Object.hasOwn(values, key)) throw malformed(what, "lacks a key that was asked for");
      return [key, parseBulkValue(values[key], what)];
    }),
  );
}

function parseBulkValue(item: Json | undefined, what: string): BulkValue | null {
  if (item === null) return null;
  if (typeof item === "string") {
    // Seen of workerd's local explorer, which does not know withMetadata, and damages binary values without a word.
    throw new KvError(
      "unsupported",
      `could not ${what}: the server gives values without the metadata that was asked for`,
    );
  }
  if (!isJsonObject(item)) throw malformed(what, "has a value without its metadata");
  const { value, metadata, expiration } = item;
  // "Absent" may be taken for a deletion: what has metadata is not absent.
  if (value === null && metadata === null) return null;
  if (typeof value !== "string") throw malformed(what, "has a value that is no text");
  if (!isExpiration(expiration)) throw malformed(what, "has a value with an expiration that is no time");
  return {
    bytes: value.isWellFormed() ? Buffer.from(value) : undefined,
    metadata: metadata ?? undefined,
    expiration: parseEpochSeconds(expiration),
  };
}

/** Undefined and null: it does not expire. */
export function isExpiration(value: Json | undefined): boolean {
  return value === undefined || value === null || parseEpochSeconds(value) !== undefined;
}

function isCount(value: Json): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isTexts(value: Json): value is readonly string[] {
  return Array.isArray(value) && (value as readonly Json[]).every((item) => typeof item === "string");
}

function malformed(what: string, why: string): KvError {
  return new KvError("api-malformed", `could not ${what}: the answer ${why}`, {
    hint: "if this lasts, the endpoint is not the Workers KV API, or it has changed",
  });
}
