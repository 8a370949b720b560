// A line of an archive, decoded to the entry that encode-entry.ts made it of, or what is wrong with it.

import { isUtf8 } from "node:buffer";
import type { EpochSeconds } from "../../core/clock.ts";
import { parseEpochSeconds } from "../../core/clock.ts";
import { canonicalJson, findJsonFault, isJsonObject, parseJson } from "../../core/json.ts";
import type { Json } from "../../core/json-value.ts";
import { type Key, keyFault, parseKey } from "../../core/key.ts";
import { decodeBase64InPlace } from "../../kv/base64-text.ts";
import { scanLargeItem } from "../../kv/scan-item.ts";
import { METADATA_BYTES_MAX, VALUE_BYTES_MAX } from "../../core/limits.ts";

export interface ArchivedEntry {
  readonly key: Key;
  readonly bytes: Uint8Array;
  readonly metadata: string | undefined;
  readonly expiration: EpochSeconds | undefined;
  /** What the line says of its value, as 64 hexadecimal digits; undefined: nothing. */
  readonly sha256: string | undefined;
}

/** A line that is no entry, and why: `has no key`. */
export interface LineFault {
  readonly fault: string;
  readonly key: string | undefined;
}

/** `line` is without its line break. The value of one that is very large lies in the memory of the line afterwards
 * (scan-item.ts). */
export function decodeEntryLine(line: Buffer): ArchivedEntry | LineFault {
  if (!isUtf8(line)) return { fault: "is not JSON", key: undefined };
  const large = scanLargeItem(line);
  if (large === "spoilt") return { fault: "is not JSON, or has two values", key: undefined };
  if (large !== undefined) return decodeEntry(large.json, large.text);
  const json = parseLine(line);
  return json === undefined ? { fault: "is not JSON", key: undefined } : decodeEntry(json);
}

/** `json` is what the text of a line was parsed to, without its value if `text` is given. */
function decodeEntry(json: Json, text?: Buffer | null): ArchivedEntry | LineFault {
  if (!isJsonObject(json)) return { fault: "is no JSON object", key: undefined };
  const { key: name, base64 = false, expiration, metadata, sha256 } = json;
  if (typeof name !== "string") return { fault: "has no key", key: undefined };
  const fail = (fault: string): LineFault => ({ fault, key: name });
  const key = parseKey(name);
  if (key === undefined) return fail(`has a key that is not legal (${keyFault(name)})`);
  const unknown = Object.keys(json).find((property) => !PROPERTIES.has(property));
  if (unknown !== undefined) return fail(`has a property "${unknown}", which no entry has`);
  if (typeof base64 !== "boolean") return fail('has a "base64" that is neither true nor false');
  const bytes = text === undefined ? valueOf(json["value"], base64) : largeValueOf(text, base64);
  if (typeof bytes === "string") return fail(bytes);
  if (bytes.byteLength > VALUE_BYTES_MAX) return fail(`has a value of over ${VALUE_BYTES_MAX} bytes`);
  const at = parseEpochSeconds(expiration);
  if (expiration !== undefined && at === undefined)
    return fail("has an expiration that is no number of seconds since 1970");
  if (sha256 !== undefined && (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)))
    return fail('has a "sha256" that is none');
  const unfit = metadataFault(metadata);
  if (unfit !== undefined) return fail(`has metadata that ${unfit}`);
  const canonical = metadata === undefined || metadata === null ? undefined : canonicalJson(metadata);
  return { key, bytes, metadata: canonical, expiration: at, sha256 };
}

const PROPERTIES = new Set(["key", "value", "base64", "expiration", "metadata", "sha256"]);
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const NOT_BASE64 = "has a value that is not base64";
const NOT_UNICODE = "has a value that is not valid Unicode";

/** A text: why it is none. An archive has base64 as it was written: in one line, and padded. */
function valueOf(value: Json | undefined, isBase64: boolean): Buffer | string {
  if (typeof value !== "string") return "has a value that is no string";
  if (isBase64) return value.length % 4 === 0 && BASE64.test(value) ? Buffer.from(value, "base64") : NOT_BASE64;
  return value.isWellFormed() ? Buffer.from(value) : NOT_UNICODE;
}

function largeValueOf(text: Buffer | null, isBase64: boolean): Buffer | string {
  if (text === null) return NOT_UNICODE;
  if (!isBase64) return text;
  return (text.byteLength % 4 === 0 ? decodeBase64InPlace(text) : undefined) ?? NOT_BASE64;
}

function metadataFault(metadata: Json | undefined): string | undefined {
  const unfit = findJsonFault(metadata);
  if (unfit !== undefined || metadata === undefined || metadata === null) return unfit;
  return Buffer.byteLength(canonicalJson(metadata)) > METADATA_BYTES_MAX
    ? `is over ${METADATA_BYTES_MAX} bytes`
    : undefined;
}

/** The JSON of a line; undefined: it is none. */
export function parseLine(line: Buffer): Json | undefined {
  if (!isUtf8(line)) return undefined;
  try {
    return parseJson(line.toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
