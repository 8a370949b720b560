// A block of a pack, opened: the plain bytes of its items, one behind the other.

import type { ByteCount } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { giveBack } from "../../core/give-back.ts";
import type { PackCipher } from "../repository/repository.ts";
import { decompressFrame } from "./frame.ts";

export interface BlockFacts {
  readonly cipher: PackCipher;
  /** Its number in the pack. */
  readonly block: number;
  /** Of all its items. */
  readonly plain: ByteCount;
  /** The bytes of the page that it was compressed with. */
  readonly dictionary?: Uint8Array | undefined;
}

/** Undefined: `stored` is not as it was written. */
export async function openBlock(stored: Uint8Array, { plain, ...facts }: BlockFacts): Promise<Buffer | undefined> {
  const bytes = await openFrame(stored, { ...facts, sizeMax: plain });
  return bytes?.byteLength === plain ? bytes : undefined;
}

/** Of a block, or of the table. Undefined: `stored` is not as it was written, or holds more than `sizeMax`. */
export async function openFrame(
  stored: Uint8Array,
  { cipher, block, sizeMax, dictionary }: Omit<BlockFacts, "plain"> & { readonly sizeMax: ByteCount },
): Promise<Buffer | undefined> {
  const frame = decryptBlock(stored, cipher, block);
  const plain = frame && (await decompressFrame(frame, { sizeMax, dictionary }));
  if (frame !== undefined && frame !== stored) giveBack(frame);
  return plain;
}

function decryptBlock(stored: Uint8Array, cipher: PackCipher, block: number): Uint8Array | undefined {
  try {
    return cipher.decrypt(block, stored);
  } catch (error) {
    if (error instanceof AppError && error.code === "repository-damaged") return undefined;
    throw error;
  }
}
