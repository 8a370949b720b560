// One entry of an archive as a line of JSON: the fields of a bulk write, and the SHA-256 of the value. Metadata is the user's,
// without our stamp; an expiration is absolute. A value that is no UTF-8 is base64.
//
// A large value comes in pieces, since its line as a whole would take as much memory as the value once more.

import { isUtf8 } from "node:buffer";
import type { ByteCount } from "../../core/clock.ts";
import type { ArchivedEntry } from "./entry-line.ts";

export interface EncodedEntry {
  /** Undefined: the line is a large value's, and nobody has counted its bytes. */
  readonly byteLength: ByteCount | undefined;
  /** In turn: each is good until the next is asked for. They can be had again as long as the value is as it is. */
  readonly pieces: () => Iterable<Buffer>;
}

/** Of a value. A multiple of 3, so that pieces of base64 make one. */
const PIECE_BYTES = 49_152;
/** A byte may become six in JSON. */
const ENCODED_BYTES_MAX = 6 * PIECE_BYTES;

/** `end` is what follows the last property. */
export function encodeEntry(entry: ArchivedEntry, end = "}\n"): EncodedEntry {
  if (entry.bytes.byteLength > PIECE_BYTES) {
    return { byteLength: undefined, pieces: () => largePieces(entry, end) };
  }
  const value = bufferOf(entry.bytes);
  const isText = isUtf8(value);
  const text = isText ? jsonString(value.toString("utf8")).slice(1, -1) : value.toString("base64");
  const line = Buffer.from(`${headOf(entry)}${text}${tailOf(entry, isText)}${end}`);
  return { byteLength: line.byteLength, pieces: () => [line] };
}

export function countBytes({ byteLength, pieces }: EncodedEntry): ByteCount {
  if (byteLength !== undefined) return byteLength;
  let sum = 0;
  for (const piece of pieces()) sum += piece.byteLength;
  return sum;
}

function* largePieces(entry: ArchivedEntry, end: string): Generator<Buffer, void> {
  const value = bufferOf(entry.bytes);
  const isText = isUtf8(value);
  const out = Buffer.allocUnsafeSlow(ENCODED_BYTES_MAX);
  yield Buffer.from(headOf(entry));
  for (let at = 0; at < value.byteLength;) {
    const next = isText ? endOfPiece(value, at) : Math.min(at + PIECE_BYTES, value.byteLength);
    const size = isText
      ? out.write(jsonString(value.toString("utf8", at, next)).slice(1, -1), "utf8")
      : out.write(value.toString("base64", at, next), "latin1");
    yield out.subarray(0, size);
    at = next;
  }
  yield Buffer.from(`${tailOf(entry, isText)}${end}`);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Where the piece that begins at `at` ends: in front of a character, not in it. */
function endOfPiece(text: Buffer, at: number): number {
  let end = Math.min(at + PIECE_BYTES, text.byteLength);
  while (end < text.byteLength && (text[end]! & 0xc0) === 0x80) end--;
  return end;
}

function headOf({ key }: ArchivedEntry): string {
  return `{"key":${jsonString(key)},"value":"`;
}

function tailOf({ expiration, metadata, sha256 }: ArchivedEntry, isText: boolean): string {
  let tail = isText ? '"' : '","base64":true';
  if (expiration !== undefined) tail += `,"expiration":${expiration}`;
  if (metadata !== undefined) tail += `,"metadata":${withoutLineEnds(metadata)}`;
  if (sha256 !== undefined) tail += `,"sha256":"${sha256}"`;
  return tail;
}

function jsonString(text: string): string {
  return withoutLineEnds(JSON.stringify(text));
}

/** Some readers of lines take these two for ends of lines. */
function withoutLineEnds(json: string): string {
  return json.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}
