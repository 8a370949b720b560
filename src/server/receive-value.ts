// A value on its way into the store: a short one in memory, a long one stored part by part while it arrives, so that none is held whole.

import type { ByteCount } from "../core/clock.ts";
import { VALUE_BYTES_MAX } from "../core/limits.ts";
import type { RequestBody } from "./request-body.ts";
import { PART_BYTES, type StagedValue, type Store } from "./store/store.ts";

export type ReceivedValue =
  | { readonly kind: "received"; readonly value: Buffer | StagedValue }
  /** `byteLength` is what it has, or announces. Nothing of it can be written. */
  | { readonly kind: "too-long"; readonly byteLength: ByteCount };

/** A body that is a value as it stands. May leave what is too long unread. */
export async function receiveBody(body: RequestBody, store: Store): Promise<ReceivedValue> {
  const { announced } = body;
  if (announced === undefined) return receiveValue(body.chunks(), store);
  if (announced <= PART_BYTES) return { kind: "received", value: await body.whole() };
  if (announced > VALUE_BYTES_MAX) return { kind: "too-long", byteLength: announced };
  return { kind: "received", value: await store.stage(body.chunks()) };
}

/** Reads `chunks` to their end. Rejects as they do, and as the store does; then they may not have been read to their end. */
export async function receiveValue(chunks: AsyncIterable<Buffer>, store: Store): Promise<ReceivedValue> {
  const source = chunks[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  let byteLength = 0;

  async function next(): Promise<Buffer | undefined> {
    const step = await source.next();
    if (step.done === true) return undefined;
    byteLength += step.value.length;
    return step.value;
  }

  async function* whileAllowed(): AsyncGenerator<Buffer, void> {
    for (let chunk = first.shift(); chunk !== undefined; chunk = first.shift()) yield chunk;
    for (let chunk = await next(); chunk !== undefined; chunk = await next()) {
      if (byteLength > VALUE_BYTES_MAX) throw new TooLong();
      yield chunk;
    }
  }

  while (byteLength <= PART_BYTES) {
    const chunk = await next();
    if (chunk === undefined) return { kind: "received", value: Buffer.concat(first) };
    first.push(chunk);
  }
  try {
    return { kind: "received", value: await store.stage(whileAllowed()) };
  } catch (error) {
    if (!(error instanceof TooLong)) throw error;
    while ((await next()) !== undefined);
    return { kind: "too-long", byteLength };
  }
}

class TooLong extends Error {}
