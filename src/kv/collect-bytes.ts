// A streamed body as one buffer, up to a bound.

import type { ByteCount } from "../core/clock.ts";
import type { Intake } from "./answer-room.ts";

export interface Collected {
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: ByteCount;
}

/** What is known of a body before it is read. */
export interface BodyFacts {
  /** As declared. */
  readonly length?: ByteCount | undefined;
  /** Is told how much there is, and may hold the body back. */
  readonly intake?: Intake | undefined;
}

/** All of `body`, or undefined if it has more than `bytesMax`: the caller then drops it. */
export async function collectChunks(
  body: AsyncIterable<Uint8Array>,
  bytesMax: ByteCount,
  { length, intake }: BodyFacts = {},
): Promise<Collected | undefined> {
  if (length !== undefined && length > bytesMax) return undefined;
  const told = intake?.admit(length ?? 0);
  if (told !== undefined) await told;
  if (length !== undefined && length >= LARGE_BYTES) {
    const bytes = await collectLarge(body, length);
    return bytes && { chunks: [bytes], byteLength: bytes.byteLength };
  }
  const chunks: Uint8Array[] = [];
  let byteLength = 0;
  for await (const chunk of body) {
    byteLength += chunk.byteLength;
    if (byteLength > bytesMax) return undefined;
    const room = intake?.admit(byteLength);
    if (room !== undefined) await room;
    chunks.push(chunk);
  }
  return { chunks, byteLength };
}

/** Like {@link collectChunks}, in one piece. */
export async function collectBytes(
  body: AsyncIterable<Uint8Array>,
  bytesMax: ByteCount,
  facts: BodyFacts = {},
): Promise<Uint8Array | undefined> {
  const collected = await collectChunks(body, bytesMax, facts);
  if (collected === undefined) return undefined;
  const { chunks, byteLength } = collected;
  const [only] = chunks;
  // A small value must not keep the whole of the socket's buffer alive.
  if (chunks.length === 1 && only !== undefined && only.byteLength * 2 > only.buffer.byteLength) return only;
  return Buffer.concat(chunks, byteLength);
}

/** Chunks of so much, and all of it in one piece, would be held at a time. */
const LARGE_BYTES: ByteCount = 1024 * 1024;

/** Into memory of its own, as it comes. Undefined: it has more than `length`. */
async function collectLarge(body: AsyncIterable<Uint8Array>, length: ByteCount): Promise<Uint8Array | undefined> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let size = 0;
  for await (const chunk of body) {
    if (size + chunk.byteLength > length) return undefined;
    bytes.set(chunk, size);
    size += chunk.byteLength;
  }
  return bytes.subarray(0, size);
}

/** What does not fit has a buffer of its own. */
export const JOIN_BYTES_MAX: ByteCount = 1024 * 1024;

/** Joins chunks in the same buffer each time: what it gives is good until the next call, and nothing may be awaited until
 * it is used up. (A buffer for each answer would be freed late.) */
export function openJoiner(): (collected: Collected) => Uint8Array {
  let joined: Buffer | undefined;
  return ({ chunks, byteLength }) => {
    const [only] = chunks;
    if (byteLength > JOIN_BYTES_MAX) return chunks.length === 1 ? only! : Buffer.concat(chunks, byteLength);
    joined ??= Buffer.allocUnsafeSlow(JOIN_BYTES_MAX);
    let at = 0;
    for (const chunk of chunks) {
      joined.set(chunk, at);
      at += chunk.byteLength;
    }
    return joined.subarray(0, byteLength);
  };
}
