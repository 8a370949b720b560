// A pack in the making: blocks are added until it is full, then the table ends it. Its salt is random even where nothing is
// encrypted: so two packs never have one name, and what is stored anew since its pack is about to be removed is stored in another
// pack.

import { hash } from "node:crypto";
import type { ByteCount } from "../../core/clock.ts";
import { assert } from "../../core/errors.ts";
import type { Sealer } from "../repository/repository.ts";
import { compressFrame } from "./frame.ts";
import type { IndexedBlock, PackIndex } from "./index-object.ts";
import { type BlockKind, encodeTableLine } from "./pack-table.ts";
import { SALT_BYTES, TAG_BYTES } from "./sealer.ts";

export const PACK_BYTES_MAX: ByteCount = 16_777_216;
/** Who reads an index has the line of a whole pack in memory, and more for each item. */
const PACK_ITEMS_MAX = 131_072;
/** Of the values of a block, together. A larger value has a block of its own. */
export const BLOCK_BYTES_MAX: ByteCount = 65_536;
export const MAGIC = Buffer.from("KVSPACK1", "latin1");
export const HEAD_BYTES: ByteCount = MAGIC.byteLength + SALT_BYTES;
/** The length of the table, and the magic number. */
export const FOOT_BYTES: ByteCount = 4 + MAGIC.byteLength;
/** How the table is numbered among the blocks, for the cipher: its reader does not know yet how many blocks there are. */
export const TABLE_BLOCK = 0xffffffff;

export interface NewBlock {
  readonly kind: BlockKind;
  readonly sizes: readonly ByteCount[];
  readonly ids: Buffer;
  readonly base: string | undefined;
}

export type FramedBlock = NewBlock & { readonly frame: Uint8Array };

export interface PackBuilder {
  /** Of the blocks as stored. */
  readonly size: ByteCount;
  /** Whether `block` leaves the pack within its limits. The first block always does. */
  fits(block: FramedBlock): boolean;
  /** Copies the frame. */
  add(block: FramedBlock): void;
  /** The only block of a pack, whose frame comes in parts. */
  addInParts(block: NewBlock, frame: AsyncIterable<Uint8Array>): Promise<void>;
  /** Nothing may be added afterwards. */
  finish(): Promise<FinishedPack>;
}

export interface FinishedPack {
  /** Of the buffer that the builder was given. */
  readonly bytes: Uint8Array;
  readonly index: PackIndex;
}

/** How much room a pack takes of which the values of its only block have `size` bytes. */
export function packBytesOf(size: ByteCount): ByteCount {
  // What does not compress grows by less than this.
  return size + (size >> 8) + LINE_BYTES_MAX + HEAD_BYTES + FOOT_BYTES + 2 * TAG_BYTES + 1024;
}

/** `buffer`: where the pack is made, and as large as it may become. It is the pack's until whoever takes the pack is done with it. */
export function openPackBuilder(sealer: Sealer, buffer: Buffer): PackBuilder {
  const salt = sealer.newSalt();
  const cipher = sealer.packCipher(salt);
  const blocks: IndexedBlock[] = [];
  let table = "";
  let items = 0;
  let end = 0;
  const append = (part: Uint8Array): void => {
    assert(end + part.byteLength <= buffer.byteLength, "a pack has the room that it needs");
    buffer.set(part, end);
    end += part.byteLength;
  };
  const note = ({ kind, sizes, ids, base }: NewBlock, at: ByteCount): void => {
    const line = { kind, stored: end - at, sizes, base };
    table += encodeTableLine(line);
    items += sizes.length;
    // As a part of one of Node's pools of 64 KiB, it would keep all of that.
    blocks.push({ ...line, at, ids: Buffer.from(new Uint8Array(ids).buffer) });
  };
  const appendFrame = (block: number, frame: Uint8Array): void => {
    const encryptor = cipher.encryptor(block);
    append(encryptor.update(frame));
    append(encryptor.end());
  };
  append(MAGIC);
  append(salt);
  return {
    get size() {
      return end;
    },
    fits({ frame, sizes }) {
      const tableBytes = table.length + LINE_BYTES_MAX + sizes.length * SIZE_CHARS_MAX;
      // What does not compress grows by less than a hundredth.
      const foot = tableBytes * 1.01 + TAG_BYTES + FOOT_BYTES + 64;
      const isLarger = end + frame.byteLength + TAG_BYTES + foot > PACK_BYTES_MAX;
      return blocks.length === 0 || !(isLarger || items + sizes.length > PACK_ITEMS_MAX);
    },
    add(block) {
      const at = end;
      appendFrame(blocks.length, block.frame);
      note(block, at);
    },
    async addInParts(block, frame) {
      const at = end;
      const encryptor = cipher.encryptor(blocks.length);
      for await (const part of frame) append(encryptor.update(part));
      append(encryptor.end());
      note(block, at);
    },
    async finish() {
      const at = end;
      appendFrame(TABLE_BLOCK, await compressFrame(Buffer.from(table, "latin1")));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(end - at);
      append(length);
      append(MAGIC);
      const bytes = buffer.subarray(0, end);
      return { bytes, index: { pack: hash("sha256", bytes, "hex"), size: end, blocks } };
    },
  };
}

/** Without the sizes: a base has 64 digits. */
const LINE_BYTES_MAX: ByteCount = 160;
const SIZE_CHARS_MAX = 9;
