// A value as JSON, where no database does it.

import { isUtf8 } from "node:buffer";
import type { QuotedEntry, StoredEntry } from "./store.ts";

/** `entry` with its value, which is `bytes`, as a JSON string. */
export function quoted(
  bytes: Uint8Array,
  { metadata, expiration }: Pick<StoredEntry, "metadata" | "expiration">,
): QuotedEntry {
  const text = isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString() : undefined;
  return {
    json: text === undefined ? undefined : JSON.stringify(text),
    byteLength: bytes.byteLength,
    metadata,
    expiration,
  };
}

/** The whole of a value. */
export async function wholeValue(value: StoredEntry["value"]): Promise<Uint8Array> {
  if (value instanceof Uint8Array) return value;
  const whole = Buffer.allocUnsafeSlow(value.byteLength);
  let filled = 0;
  for await (const part of value.parts()) {
    whole.set(part, filled);
    filled += part.byteLength;
  }
  return whole;
}
