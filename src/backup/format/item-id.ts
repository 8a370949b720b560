// The id of a value or a page, as bytes: the first half of the SHA-256 of its bytes.

import type { ByteCount } from "../../core/clock.ts";
import type { ItemId } from "../repository/repository.ts";

export const ID_BYTES: ByteCount = 16;

/** `sha256`: 64 hexadecimal digits. */
export function idBytes(sha256: string): Buffer {
  return Buffer.from(sha256.slice(0, ID_BYTES * 2), "hex");
}

export function idText(id: Uint8Array): ItemId {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString("base64url") as ItemId;
}
