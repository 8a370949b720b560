// One pair of a bulk write as JSON bytes, straight from the value's bytes: no string of the value is ever made, and it is
// encoded once however often it is sent. (JSON.stringify needs the value as a string, the string as JSON, and the JSON
// as bytes: three copies, at 0.3 GB/s.)
//
// Each pair begins with the comma that parts it from the one before.

import { isUtf8 } from "node:buffer";
import type { ByteCount, EpochSeconds } from "../core/clock.ts";
import { assert } from "../core/errors.ts";
import type { Key } from "../core/key.ts";
import { KEY_BYTES_MAX, METADATA_BYTES_MAX } from "../core/limits.ts";

export interface Pair {
  readonly key: Key;
  readonly bytes: Uint8Array;
  /** JSON text. */
  readonly metadata: string | undefined;
  readonly expiration: EpochSeconds | undefined;
  /** Wins over `expiration`. */
  readonly ttlSeconds: number | undefined;
}

/** How a pair will be written, and into how many bytes. */
export interface PairForm {
  readonly head: string;
  readonly tail: string;
  readonly base64: boolean;
  /** Bytes that the value takes between head and tail. */
  readonly valueBytes: ByteCount;
  readonly byteLength: ByteCount;
}

/** Text goes as an escaped string, unless it is mostly control characters; what is not UTF-8 goes as base64. Valid UTF-8
 * has no lone surrogates, so neither has the string. */
export function pairForm(pair: Pair): PairForm {
  const { bytes } = pair;
  const textBytes = isUtf8(bytes) ? escapedBytes(bytes) : Number.POSITIVE_INFINITY;
  const base64Bytes = Math.ceil(bytes.byteLength / 3) * 4;
  const base64 = textBytes > base64Bytes + BASE64_MARK.length;
  return formOf(pair, base64, base64 ? base64Bytes : textBytes);
}

function formOf(pair: Pair, base64: boolean, valueBytes: ByteCount): PairForm {
  const head = headOf(pair);
  const tail = tailOf(pair, base64);
  return { head, tail, base64, valueBytes, byteLength: Buffer.byteLength(head) + valueBytes + Buffer.byteLength(tail) };
}

/** A buffer, and a view of all of it. */
export interface PairBuffer {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/** Writes `pair` to `out` at `start`, in exactly `form.byteLength` bytes. */
export function writePairText(pair: Pair, form: PairForm, out: PairBuffer, start: number): void {
  const at = start + out.bytes.write(form.head, start, "utf8");
  if (form.base64) writeBase64(pair.bytes, out.bytes, at);
  else if (form.valueBytes === pair.bytes.byteLength) out.bytes.set(pair.bytes, at);
  else {
    const end = writeEscaped(pair.bytes, out.view, at);
    assert(end === at + form.valueBytes, "a value is as long as was counted");
  }
  out.bytes.write(form.tail, at + form.valueBytes, "utf8");
}

/** `pair` with its value in base64, whatever it is, and without the comma: nothing on the way can dislike what it says. */
export function base64PairText(pair: Pair): Uint8Array {
  const form = formOf(pair, true, Math.ceil(pair.bytes.byteLength / 3) * 4);
  const bytes = Buffer.allocUnsafeSlow(form.byteLength);
  writePairText(pair, form, { bytes, view: new DataView(bytes.buffer) }, 0);
  return bytes.subarray(1);
}

/** Key and metadata at their largest, each byte escaped in six, and what stands around them. */
const PAIR_OVERHEAD_BYTES_MAX: ByteCount = 6 * (KEY_BYTES_MAX + METADATA_BYTES_MAX) + 1024;
const ESCAPE_BYTES_MAX = 6;

/** How many bytes {@link writeTextPair} may use. */
export function textPairBytesMax({ bytes }: Pair): ByteCount {
  return ESCAPE_BYTES_MAX * bytes.byteLength + PAIR_OVERHEAD_BYTES_MAX;
}

/** Writes `pair` to `out` at `start`, where there is room for {@link textPairBytesMax}, and returns where it ends: in one
 * pass over the value rather than two. Undefined: it is not to be written as text, and what is there means nothing. */
export function writeTextPair(pair: Pair, out: PairBuffer, start: number): number | undefined {
  const { bytes } = pair;
  if (!isUtf8(bytes)) return undefined;
  const at = start + out.bytes.write(headOf(pair), start, "utf8");
  const end = writeEscaped(bytes, out.view, at);
  if (end - at > Math.ceil(bytes.byteLength / 3) * 4 + BASE64_MARK.length) return undefined;
  return end + out.bytes.write(tailOf(pair, false), end, "utf8");
}

function headOf({ key }: Pair): string {
  return `,{"key":${JSON.stringify(key)},"value":"`;
}

function tailOf(pair: Pair, base64: boolean): string {
  return `"${base64 ? BASE64_MARK : ""}${expirationText(pair)}${metadataText(pair)}}`;
}

const BASE64_MARK = ',"base64":true';

function expirationText({ expiration, ttlSeconds }: Pair): string {
  if (ttlSeconds !== undefined) return `,"expiration_ttl":${ttlSeconds}`;
  return expiration === undefined ? "" : `,"expiration":${expiration}`;
}

/** Stands before the metadata, which is the last of a pair. */
export const METADATA_NAME = ',"metadata":';

function metadataText({ metadata }: Pair): string {
  return metadata === undefined ? "" : METADATA_NAME + metadata;
}

// Two bytes for each byte, of which one, two, or six (with what follows them) count: storing always two, and stepping
// by as many as count, needs no branch for the common ones. Twice as fast as asking which it is.
const BACKSLASH = 0x5c;
const STEP = new Uint8Array(256).fill(1);
const STORED = Uint16Array.from({ length: 256 }, (_, byte) => byte);
for (let byte = 0; byte < 0x20; byte++) defineEscape(byte, "u", 6);
for (const [byte, escape] of ['""', "\\\\", "\bb", "\tt", "\nn", "\ff", "\rr"])
  defineEscape(byte!.charCodeAt(0), escape!, 2);

function defineEscape(byte: number, escape: string, step: number): void {
  STEP[byte] = step;
  STORED[byte] = BACKSLASH | (escape.charCodeAt(0) << 8);
}

// In these loops `| 0` tells the compiler that positions are small integers, which doubles their speed; so does keeping
// the rare control characters in a loop of their own.

function escapedBytes(bytes: Uint8Array): ByteCount {
  const length = bytes.length | 0;
  let total = 0;
  for (let i = 0; i < length; i = (i + 1) | 0) total = (total + STEP[bytes[i]!]!) | 0;
  return total;
}

/** Returns where it ends; may write one byte more, which the tail overwrites. */
function writeEscaped(bytes: Uint8Array, out: DataView, start: number): number {
  const length = bytes.length | 0;
  let at = start | 0;
  let steps = 0;
  for (let i = 0; i < length; i = (i + 1) | 0) {
    const byte = bytes[i]!;
    const step = STEP[byte]!;
    out.setUint16(at, STORED[byte]!, true);
    steps |= step;
    at = (at + step) | 0;
  }
  if ((steps & HEX_STEP_BIT) !== 0) writeHexDigits(bytes, out, start);
  return at;
}

/** Only a step of six has this bit: \u00 and two digits. */
const HEX_STEP_BIT = 4;
const HEX = Buffer.from("0123456789abcdef");

function writeHexDigits(bytes: Uint8Array, out: DataView, start: number): void {
  let at = start;
  for (const byte of bytes) {
    const step = STEP[byte]!;
    if (step === 6) {
      out.setUint16(at + 2, 0x3030);
      out.setUint8(at + 4, HEX[byte >> 4]!);
      out.setUint8(at + 5, HEX[byte & 15]!);
    }
    at += step;
  }
}

/** A multiple of three, so that pieces join without padding; small, so that no long string is made. */
const BASE64_PIECE_BYTES = 48 * 1024;

function writeBase64(bytes: Uint8Array, out: Buffer, start: number): void {
  const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  for (let i = 0; i < value.byteLength; i += BASE64_PIECE_BYTES) {
    const piece = value.toString("base64", i, Math.min(i + BASE64_PIECE_BYTES, value.byteLength));
    at += out.write(piece, at, "latin1");
  }
}
