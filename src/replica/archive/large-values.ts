// What reading an archive has to mind of a very large value: it lies in memory that the next line is read into.

import type { ByteCount } from "../../core/clock.ts";
import { IN_PLACE_BYTES_MIN } from "../../kv/scan-item.ts";

/** A page with so much is full. */
export const PAGE_BYTES: ByteCount = 4_194_304;

/** What a value adds to its page: one that may lie in such memory (the JSON of it is larger than itself) is the last. */
export function pageBytesOf(bytes: Uint8Array | undefined): ByteCount {
  if (bytes === undefined) return 0;
  return mayBeInPlace(bytes) ? PAGE_BYTES : bytes.byteLength;
}

/** `bytes` in memory that is not used again. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  if (!mayBeInPlace(bytes)) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.byteLength);
  own.set(bytes);
  return own;
}

/** Its JSON, with its key and metadata, takes at most six times as much, and is of the size that is decoded in place. */
function mayBeInPlace({ buffer, byteLength }: Uint8Array): boolean {
  return buffer.byteLength > byteLength && buffer.byteLength >= IN_PLACE_BYTES_MIN;
}
