// One pair in wrangler's form, `{"key": "a", "value": "text", "base64": false, "expiration": 1999999999, "expiration_ttl": 300,
// "metadata": {}}`, as anybody may have written it: decoded, or what is wrong with it and what was meant. This is the one reader
// of pairs, of `kvsync bulk put` and of archives that are .json.

import { hash } from "node:crypto";
import { parseEpochSeconds } from "../core/clock.ts";
import { visible } from "../core/errors.ts";
import { canonicalJson, findJsonFault, isJsonObject, parseJson } from "../core/json.ts";
import type { Json } from "../core/json-value.ts";
import { KEY_FAULTS, keyFault, parseKey } from "../core/key.ts";
import {
  EXPIRATION_AHEAD_SECONDS_MIN,
  EXPIRATION_SECONDS_PLAUSIBLE_MAX,
  METADATA_BYTES_MAX,
  VALUE_BYTES_MAX,
} from "../core/limits.ts";
import { meantProperty } from "../core/pair-properties.ts";
import { decodeBase64, decodeBase64InPlace } from "./base64-text.ts";
import type { Pair } from "./pair-text.ts";
import { scanLargeItem } from "./scan-item.ts";

/** Why bytes are no pair: `has no value`. */
export interface PairFault {
  readonly fault: string;
  readonly key: string | undefined;
  readonly hint: string;
}

export interface DecodeOptions {
  /** Is told each property that no pair has: it is left out, as wrangler does. */
  readonly onIgnored?: ((property: string) => void) | undefined;
  /** A value that is not the one that the pair's `sha256` is of was changed on purpose. (Lines of our archives have one.) */
  readonly mayBeEdited?: boolean | undefined;
  /** Also an expiration that must be a time in milliseconds. A namespace can have been given one, and then its export has it. */
  readonly anyExpiration?: boolean | undefined;
}

/** `item`: valid UTF-8. The value of one that is very large lies in the memory of the item afterwards (scan-item.ts). What is a near miss of a property's name is a fault: without it, the pair would mean something else. */
export function decodePair(
  item: Buffer,
  { onIgnored, mayBeEdited = false, anyExpiration = false }: DecodeOptions = {},
): Pair | PairFault {
  const parsed = parseItem(item);
  if ("fault" in parsed) return parsed;
  const { json, text } = parsed;
  const { key: name, base64, expiration, expiration_ttl: ttl, metadata, sha256 } = json;
  const fail = (fault: string, hint = FORM): PairFault => ({
    fault,
    key: typeof name === "string" ? name : undefined,
    hint,
  });
  if (typeof json["kvsync"] === "string" && name === undefined)
    return fail(
      "is the first or the last line of an archive, and no pair",
      "leave it out, or import the archive as it is",
    );
  for (const property of Object.keys(json)) {
    const meant = meantProperty(property);
    if (meant !== undefined) return fail(`has "${visible(property)}"; its name is "${meant}"`);
    if (!PROPERTIES.has(property)) onIgnored?.(property);
  }
  if (typeof name !== "string") {
    const isListed = typeof json["name"] === "string" && json["value"] === undefined;
    return fail(isListed ? 'has a "name" and no value: this is a list of keys, and has no pairs' : "has no key");
  }
  const key = parseKey(name);
  if (key === undefined)
    return fail(`has "${visible(name.slice(0, 80))}", which is no key: ${KEY_FAULTS[keyFault(name)!]}`);
  const bytes = valueOf(json, text);
  if ("fault" in bytes) return fail(bytes.fault, bytes.hint);
  const isBase64 = base64 === true || base64 === "true";
  if (!isBase64 && base64 !== undefined && base64 !== null && base64 !== false && base64 !== "false")
    return fail('has a "base64" that is neither true nor false');
  const value = isBase64 ? decoded(bytes) : bytes.bytes;
  if (value === undefined) return fail("has a value that is not base64");
  if (value.byteLength > VALUE_BYTES_MAX)
    return fail(`has a value of ${value.byteLength} bytes; at most ${VALUE_BYTES_MAX} are allowed`);
  const unfit = attributesFault(json, anyExpiration);
  if (unfit !== undefined) return fail(unfit);
  if (!mayBeEdited && isSha256(sha256) && hash("sha256", value, "hex") !== sha256)
    return fail("has a value that is not the one that its sha256 is of", EDITED);
  return {
    key,
    bytes: value,
    metadata: metadata === undefined || metadata === null ? undefined : canonicalJson(metadata),
    expiration: expiration === null ? undefined : parseEpochSeconds(expiration),
    ttlSeconds: (ttl ?? undefined) as number | undefined,
  };
}

const PROPERTIES = new Set(["key", "value", "base64", "expiration", "expiration_ttl", "metadata", "sha256"]);
const FORM =
  'each is {"key": "...", "value": "..."}, with base64, expiration, expiration_ttl or metadata where it has any';
const EDITED = "if it was edited on purpose, take the sha256 out of it";

type Properties = { readonly [name: string]: Json };

interface Parsed {
  /** Without the value, if `text` is given. */
  readonly json: Properties;
  readonly text: Buffer | null | undefined;
}

function parseItem(item: Buffer): Parsed | PairFault {
  const large = scanLargeItem(item);
  if (large === "spoilt") return { fault: "is not JSON, or has two values", key: undefined, hint: FORM };
  if (large !== undefined) return large;
  try {
    const json = parseJson(item.toString("utf8"));
    if (isJsonObject(json)) return { json, text: undefined };
    return { fault: "is no JSON object", key: undefined, hint: FORM };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const hint = "a comma or a quote may be missing or too many";
    return { fault: `is not JSON: ${visible(error.message)}`, key: undefined, hint };
  }
}

interface ValueBytes {
  /** UTF-8 of the string. */
  readonly bytes: Buffer;
  readonly isOwn: boolean;
}

function valueOf(
  { value }: Properties,
  text: Buffer | null | undefined,
): ValueBytes | { fault: string; hint?: string } {
  if (text !== undefined) return text === null ? { fault: NOT_UNICODE } : { bytes: text, isOwn: true };
  if (value === undefined) return { fault: "has no value" };
  if (typeof value !== "string") return { fault: `has a value that is no string but ${kindOf(value)}`, hint: AS_TEXT };
  return value.isWellFormed() ? { bytes: Buffer.from(value), isOwn: false } : { fault: NOT_UNICODE };
}

const NOT_UNICODE = "has a value that is not valid Unicode";
const AS_TEXT =
  "KV keeps text and bytes: write numbers and objects as text, in quotes. In jq, tojson does so: jq 'map(.value |= if type == \"string\" then . else tojson end)'";

function kindOf(value: Json): string {
  const text = canonicalJson(value);
  if (text.startsWith("{")) return "an object";
  if (text.startsWith("[")) return "a list";
  return text === "null" ? "null" : /^[tf]/.test(text) ? `the word ${text}` : `the number ${text.slice(0, 40)}`;
}

function decoded({ bytes, isOwn }: ValueBytes): Buffer | undefined {
  return isOwn ? decodeBase64InPlace(bytes) : decodeBase64(bytes.toString("latin1"));
}

function attributesFault(
  { expiration, expiration_ttl: ttl, metadata }: Properties,
  anyExpiration: boolean,
): string | undefined {
  if (expiration !== undefined && expiration !== null) {
    const at = parseEpochSeconds(expiration);
    if (at === undefined) return "has an expiration that is no whole number of seconds since 1970";
    if (at > EXPIRATION_SECONDS_PLAUSIBLE_MAX && !anyExpiration)
      return "has an expiration that is in milliseconds; KV takes seconds";
  }
  const isTtl = typeof ttl === "number" && Number.isSafeInteger(ttl) && ttl >= EXPIRATION_AHEAD_SECONDS_MIN;
  if (ttl !== undefined && ttl !== null && !isTtl)
    return `has an expiration_ttl that is no whole number of at least ${EXPIRATION_AHEAD_SECONDS_MIN} seconds`;
  const unfit = findJsonFault(metadata);
  if (unfit !== undefined) return `has metadata that ${unfit}`;
  const isTooLong =
    metadata !== undefined && metadata !== null && Buffer.byteLength(canonicalJson(metadata)) > METADATA_BYTES_MAX;
  return isTooLong ? `has over ${METADATA_BYTES_MAX} bytes of metadata` : undefined;
}

function isSha256(json: Json | undefined): json is string {
  return typeof json === "string" && /^[0-9a-f]{64}$/.test(json);
}
