// The body of a value with metadata: multipart/form-data with a file part `value` and a text part `metadata`, its length
// known before it is sent. (FormData would hold the value as a Blob and not tell the length.)

import type { Clock } from "../core/clock.ts";
import type { SizedBody } from "./kv-api.ts";

/** `metadata` is JSON text. */
export function multipartBody(
  value: SizedBody,
  metadata: string,
  clock: Pick<Clock, "random">,
): { readonly body: SizedBody; readonly contentType: string } {
  const boundary = `----kvsync-${randomText(clock)}`;
  const before = Buffer.from(
    `--${boundary}\r\ncontent-disposition: form-data; name="metadata"\r\n\r\n${metadata}\r\n` +
      `--${boundary}\r\ncontent-disposition: form-data; name="value"; filename="value"\r\n` +
      "content-type: application/octet-stream\r\n\r\n",
  );
  const after = Buffer.from(`\r\n--${boundary}--\r\n`);
  const body: SizedBody = {
    byteLength: before.byteLength + value.byteLength + after.byteLength,
    async *chunks() {
      yield before;
      yield* value.chunks();
      yield after;
    },
  };
  return { body, contentType: `multipart/form-data; boundary=${boundary}` };
}

/** About 150 random bits, so that no value holds the boundary. */
function randomText(clock: Pick<Clock, "random">): string {
  return Array.from({ length: 5 }, () => Math.floor(clock.random() * 0x8000_0000).toString(36)).join("");
}
