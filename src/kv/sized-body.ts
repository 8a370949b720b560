// Request bodies made of bytes that are at hand.

import type { SizedBody } from "./kv-api.ts";

export function bodyOfBytes(...parts: readonly Uint8Array[]): SizedBody {
  return { byteLength: parts.reduce((sum, part) => sum + part.byteLength, 0), chunks: () => parts };
}

export function bodyOfText(text: string): SizedBody {
  return bodyOfBytes(Buffer.from(text));
}
