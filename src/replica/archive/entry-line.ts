// One entry of an archive as a line of JSON, and back: the fields of a bulk write, and the SHA-256 of the value. Metadata is the
// user's, without our stamp; an expiration is absolute. A value that is no UTF-8 is base64.

import { isUtf8 } from "node:buffer";
import type { EpochSeconds } from "../../core/clock.ts";
import { parseEpochSeconds } from "../../core/clock.ts";
import { canonicalJson, findJsonFault, isJsonObject, parseJson } from "../../core/json.ts";
import type { Json } from "../../core/json-value.ts";
import { type Key, keyFault, parseKey } from "../../core/key.ts";
import { EXPIRATION_SECONDS_PLAUSIBLE_MAX, METADATA_BYTES_MAX, VALUE_BYTES_MAX } from "../../core/limits.ts";

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

/** With its line break. `sha256` is of `bytes`. */
export function encodeEntryLine({ key, bytes, metadata, expiration, sha256 }: ArchivedEntry): Buffer {
  const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isText = isUtf8(value);
  const parts = [Buffer.from(`{"key":${jsonString(key)},"value":"`)];
  for (let at = 0; at < value.byteLength;) {
    const end = isText ? endOfPiece(value, at) : Math.min(at + PIECE_BYTES, value.byteLength);
    const piece = value.subarray(at, end);
    parts.push(Buffer.from(isText ? jsonString(piece.toString("utf8")).slice(1, -1) : piece.toString("base64")));
    at = end;
  }
  let rest = isText ? '"' : '","base64":true';
  if (expiration !== undefined) rest += `,"expiration":${expiration}`;
  if (metadata !== undefined) rest += `,"metadata":${withoutLineEnds(metadata)}`;
  if (sha256 !== undefined) rest += `,"sha256":"${sha256}"`;
  return Buffer.concat([...parts, Buffer.from(`${rest}}\n`)]);
}

/** A large value as one string, and its JSON as another one, would take several times its size. A multiple of 3, so that pieces of
 * base64 make one. */
const PIECE_BYTES = 786_432;

/** Where the piece that begins at `at` ends: in front of a character, not in it. */
function endOfPiece(text: Buffer, at: number): number {
  let end = Math.min(at + PIECE_BYTES, text.byteLength);
  while (end < text.byteLength && (text[end]! & 0xc0) === 0x80) end--;
  return end;
}

function jsonString(text: string): string {
  return withoutLineEnds(JSON.stringify(text));
}

/** Some readers of lines take these two for ends of lines. */
function withoutLineEnds(json: string): string {
  return json.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

/** `line` is without its line break. */
export function decodeEntryLine(line: Buffer): ArchivedEntry | LineFault {
  const large = line.byteLength < LARGE_LINE_BYTES ? undefined : decodeLargeBinary(line);
  if (large !== undefined) return large;
  const json = parseLine(line);
  return json === undefined ? { fault: "is not JSON", key: undefined } : decodeEntry(json);
}

const LARGE_LINE_BYTES = 1_000_000;
/** Of base64: a multiple of 4. */
const PIECE_CHARS = 1_048_576;
const BEFORE_VALUE = ',"value":"';
const AFTER_BINARY = '","base64":true';
const QUOTE = 0x22;

/** A large value in base64, as {@link encodeEntryLine} writes it, is decoded where it stands: as a string of JSON it would take
 * several times its size. Undefined: the line is of another form. */
function decodeLargeBinary(line: Buffer): ArchivedEntry | LineFault | undefined {
  // In a key a quote stands behind a backslash, so that this is no part of one.
  const start = line.indexOf(BEFORE_VALUE) + BEFORE_VALUE.length;
  const end = line.indexOf(QUOTE, start);
  if (!line.subarray(0, 8).equals(LINE_START) || start < BEFORE_VALUE.length || end === -1) return undefined;
  if (!line.subarray(end, end + AFTER_BINARY.length).equals(Buffer.from(AFTER_BINARY))) return undefined;
  const json = parseLine(Buffer.concat([line.subarray(0, start), line.subarray(end)]));
  if (json === undefined || (end - start) % 4 !== 0) return undefined;
  const bytes = Buffer.allocUnsafeSlow(((end - start) / 4) * 3);
  let size = 0;
  for (let at = start; at < end; at += PIECE_CHARS) {
    const piece = line.toString("latin1", at, Math.min(at + PIECE_CHARS, end));
    const isLast = at + PIECE_CHARS >= end;
    if (!(isLast ? BASE64 : BASE64_INSIDE).test(piece)) return undefined;
    size += bytes.write(piece, size, "base64");
  }
  const entry = decodeEntry(json);
  if ("fault" in entry) return entry;
  if (size > VALUE_BYTES_MAX) return { fault: `has a value of over ${VALUE_BYTES_MAX} bytes`, key: entry.key };
  return { ...entry, bytes: bytes.subarray(0, size) };
}

const LINE_START = Buffer.from('{"key":"');

/** `json` is what the text of a line was parsed to. */
function decodeEntry(json: Json): ArchivedEntry | LineFault {
  if (!isJsonObject(json)) return { fault: "is no JSON object", key: undefined };
  const { key: name, value, base64 = false, expiration, metadata, sha256 } = json;
  if (typeof name !== "string") return { fault: "has no key", key: undefined };
  const fail = (fault: string): LineFault => ({ fault, key: name });
  const key = parseKey(name);
  if (key === undefined) return fail(`has a key that is not legal (${keyFault(name)})`);
  const unknown = Object.keys(json).find((property) => !PROPERTIES.has(property));
  if (unknown !== undefined) return fail(`has a property "${unknown}", which no entry has`);
  if (typeof value !== "string") return fail("has a value that is no string");
  if (typeof base64 !== "boolean") return fail('has a "base64" that is neither true nor false');
  if (base64 && (value.length % 4 !== 0 || !BASE64.test(value))) return fail("has a value that is not base64");
  if (!base64 && !value.isWellFormed()) return fail("has a value that is not valid Unicode");
  const bytes = Buffer.from(value, base64 ? "base64" : "utf8");
  if (bytes.byteLength > VALUE_BYTES_MAX) return fail(`has a value of over ${VALUE_BYTES_MAX} bytes`);
  const at = parseEpochSeconds(expiration);
  if (expiration !== undefined && (at === undefined || at > EXPIRATION_SECONDS_PLAUSIBLE_MAX))
    return fail("has an expiration that is no number of seconds since 1970");
  if (sha256 !== undefined && (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)))
    return fail('has a "sha256" that is none');
  const unfit = metadataFault(metadata);
  if (unfit !== undefined) return fail(`has metadata that ${unfit}`);
  const text = metadata === undefined || metadata === null ? undefined : canonicalJson(metadata);
  return { key, bytes, metadata: text, expiration: at, sha256 };
}

const PROPERTIES = new Set(["key", "value", "base64", "expiration", "metadata", "sha256"]);
const BASE64_INSIDE = /^[A-Za-z0-9+/]*$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

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
