// A stream of bytes, cut anew: into parts as a store keeps them.

import { PART_BYTES } from "./store.ts";

/** All parts but the last have {@link PART_BYTES}; there is none of nothing. All are the same memory: a part is what it is until the next one is
 * asked for. So a hundred values that arrive at once take a hundred parts, and no more until something else is collected. */
export async function* inParts(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  const part = Buffer.allocUnsafeSlow(PART_BYTES);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const taken = Math.min(chunk.length - at, PART_BYTES - filled);
      part.set(chunk.subarray(at, at + taken), filled);
      at += taken;
      filled += taken;
      if (filled < PART_BYTES) continue;
      yield part;
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}
