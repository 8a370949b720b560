// Request bodies made of bytes that are at hand.

import type { ByteCount } from "../core/clock.ts";
import type { SizedBody } from "./kv-api.ts";

export function bodyOfBytes(...parts: readonly Uint8Array[]): SizedBody {
  return { byteLength: parts.reduce((sum, part) => sum + part.byteLength, 0), chunks: () => parts.flatMap(piecesOf) };
}

/** Of a part that is sent at a time: TLS holds what it has encrypted of it, too. */
const PIECE_BYTES: ByteCount = 1024 * 1024;

function piecesOf(part: Uint8Array): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < part.byteLength; at += PIECE_BYTES) pieces.push(part.subarray(at, at + PIECE_BYTES));
  return pieces;
}

export function bodyOfText(text: string): SizedBody {
  return bodyOfBytes(Buffer.from(text));
}
