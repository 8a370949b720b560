// What belongs to a value beside its bytes, and the limits of each part, the same for single and bulk writes: the key,
// the expiration, the metadata.

import type { EpochSeconds } from "../core/clock.ts";
import { compactJson, parseJson } from "../core/json.ts";
import { type Json } from "../core/json-value.ts";
import { keyFault } from "../core/key.ts";
import { EXPIRATION_AHEAD_SECONDS_MIN, METADATA_BYTES_MAX, VALUE_BYTES_MAX } from "../core/limits.ts";
import { jsonShapeFault } from "./json-shape.ts";
import {
  type Caller,
  emptyKey,
  illegalKey,
  invalidExpiration,
  invalidTtl,
  keyTooLong,
  metadataNotJson,
  metadataTooLong,
  valueTooLong,
} from "./refusal.ts";

/** Throws a Refusal unless `key` may be stored. */
export function checkKey(key: string, caller: Caller): void {
  const fault = keyFault(key);
  switch (fault) {
    case undefined:
      return;
    case "empty":
      throw emptyKey(caller);
    case "too-long":
      throw keyTooLong(Buffer.byteLength(key));
    case "dot":
    case "lone-surrogate":
      throw illegalKey(key);
  }
}

/** The moment a value expires, as it was asked for; undefined: not asked. */
export interface ExpirationRequest {
  readonly expiration: string | number | undefined;
  readonly ttl: string | number | undefined;
}

/** The absolute expiration to store, or null for none. A time to live wins, and then `expiration` is not looked at. */
export function parseExpiration(request: ExpirationRequest, now: EpochSeconds, caller: Caller): number | null {
  const { expiration, ttl } = request;
  if (ttl !== undefined) return now + parseTtl(ttl, caller);
  if (expiration === undefined) return null;
  const seconds = parseSeconds(expiration);
  if (seconds === undefined || seconds <= now) {
    throw invalidExpiration(
      caller,
      `Invalid expiration of ${expiration}. Please specify integer greater than the current number of seconds since the UNIX epoch.`,
    );
  }
  if (seconds < now + EXPIRATION_AHEAD_SECONDS_MIN) {
    throw invalidExpiration(
      caller,
      `Invalid expiration of ${expiration}. Expiration times must be at least ${EXPIRATION_AHEAD_SECONDS_MIN} seconds in the future.`,
    );
  }
  return seconds;
}

function parseTtl(ttl: string | number, caller: Caller): number {
  const seconds = parseSeconds(ttl);
  if (seconds === undefined || seconds <= 0) {
    throw invalidTtl(caller, `Invalid expiration_ttl of ${ttl}. Please specify integer greater than 0.`);
  }
  if (seconds < EXPIRATION_AHEAD_SECONDS_MIN) {
    throw invalidTtl(
      caller,
      `Invalid expiration_ttl of ${ttl}. Expiration TTL must be at least ${EXPIRATION_AHEAD_SECONDS_MIN}.`,
    );
  }
  return seconds;
}

/** Later than any date; so far ahead that adding a time to live to the present stays a safe integer. */
const SECONDS_MAX = 1e12;

/** Digits only in a query; in JSON a number, of which a fraction is cut off. */
function parseSeconds(given: string | number): number | undefined {
  if (typeof given === "string" && !/^\d+$/.test(given)) return undefined;
  const seconds = Math.trunc(Number(given));
  return seconds <= SECONDS_MAX ? seconds : undefined;
}

/** A form's metadata field as the compact JSON to store, or null for none. */
export function parseMetadata(field: Buffer): string | null {
  if (jsonShapeFault(field) !== undefined) throw metadataTooLong(field.byteLength);
  try {
    return encodeMetadata(parseJson(field.toString()));
  } catch (error) {
    if (error instanceof SyntaxError) throw metadataNotJson();
    throw error;
  }
}

/** Metadata as the compact JSON to store; null and undefined are none. */
export function encodeMetadata(metadata: Json | undefined): string | null {
  if (metadata === undefined || metadata === null) return null;
  const text = compactJson(metadata);
  const bytes = text.length * 3 > METADATA_BYTES_MAX ? Buffer.byteLength(text) : 0;
  if (bytes > METADATA_BYTES_MAX) throw metadataTooLong(bytes);
  return text;
}

/** Throws a Refusal if the UTF-8 or the bytes of `value` are more than a value may have. */
export function checkValueLength(value: string | Uint8Array): void {
  if (value.length * 3 <= VALUE_BYTES_MAX) return;
  const bytes = typeof value === "string" ? Buffer.byteLength(value) : value.byteLength;
  if (bytes > VALUE_BYTES_MAX) throw valueTooLong(bytes);
}
