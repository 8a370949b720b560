// The memory of large values that nobody needs any more, given back at once: the garbage collector sees only the small objects before it,
// and would let several of 25 MiB lie about.

import type { ByteCount } from "./clock.ts";

/** From so many on bytes belong to whoever was given them: nobody keeps them to give them to somebody else. */
export const OWNED_BYTES_MIN: ByteCount = 1024 * 1024;
/** Of a buffer that was made for one value, and may have to tell whether more follows. */
const REST_BYTES_MAX: ByteCount = 1;

/** `bytes`, if they are many and have their memory for themselves, are empty afterwards. */
export function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (byteLength < OWNED_BYTES_MIN || buffer.byteLength > byteLength + REST_BYTES_MAX) return;
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
