// A streamed body as one buffer, up to a bound.

import type { ByteCount } from "../core/clock.ts";

/** All bytes of `body`, or undefined (and the body dropped) if there are more than `bytesMax`. `length`: as declared. */
export async function collectBytes(
  body: AsyncIterable<Uint8Array>,
  bytesMax: ByteCount,
  length?: ByteCount,
): Promise<Uint8Array | undefined> {
  if (length !== undefined && length > bytesMax) {
    await dropBytes(body);
    return undefined;
  }
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of body) {
    total += chunk.byteLength;
    if (total > bytesMax) return undefined;
    chunks.push(chunk);
  }
  const [only] = chunks;
  // A small value must not keep the whole of the socket's buffer alive.
  if (chunks.length === 1 && only !== undefined && only.byteLength * 2 > only.buffer.byteLength) return only;
  return Buffer.concat(chunks, total);
}

/** Lets go of a body that nobody wants, and of its connection. */
export async function dropBytes(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body) break;
}
