// JSON that a repository holds, read with care: what cannot be parsed is damage, and no crash.

import { isUtf8 } from "node:buffer";
import { isJsonObject, parseJson } from "../../core/json.ts";
import type { Json } from "../../core/json-value.ts";

export type JsonObject = { readonly [name: string]: Json };

/** Undefined: `bytes` are no JSON object in UTF-8. */
export function parseObject(bytes: Uint8Array): JsonObject | undefined {
  if (!isUtf8(bytes)) return undefined;
  try {
    const json = parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
    return isJsonObject(json) ? json : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

export function isSha256(value: Json | undefined): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}
