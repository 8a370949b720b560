// Sends a long value while it is read from the store: a part, and when that has left the next, so that a slow client holds one part.

import type { ServerResponse } from "node:http";
import type { ByteCount } from "../core/clock.ts";
import type { LongValue } from "./store/store.ts";

/** Sends the first `length` bytes of `value`; `onPart` is told what was sent. Resolves when they have left, or the connection is gone. Rejects if
 * the store does not give them: what was sent is not the whole then, and its end must not look like one. */
export async function sendBytesOf(
  value: LongValue,
  length: ByteCount,
  response: ServerResponse,
  onPart: (part: Uint8Array) => void,
): Promise<void> {
  const closed = new Promise<void>((resolve) => response.once("close", () => resolve()));
  let sent = 0;
  for await (const whole of value.parts()) {
    if (response.destroyed) return;
    const part = whole.subarray(0, length - sent);
    sent += part.byteLength;
    await Promise.race([written(response, part), closed]);
    onPart(part);
    if (sent === length) return;
  }
  throw new Error(`a value of ${value.byteLength} bytes ended after ${sent}`);
}

function written(response: ServerResponse, part: Uint8Array): Promise<void> {
  return new Promise((resolve) => response.write(part, () => resolve()));
}
