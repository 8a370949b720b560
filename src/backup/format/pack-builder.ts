// A pack in the making: blocks are added until it is full, then the table ends it. Its salt is random even where nothing is
// encrypted: so two packs never have one name, and what is stored anew since its pack is about to be removed is stored in another
// pack.

import { hash } from "node:crypto";
import type { ByteCount } from "../../core/clock.ts";
import type { Sealer } from "../repository/repository.ts";
import { compressFrame } from "./frame.ts";
import type { IndexedBlock, PackIndex } from "./index-object.ts";
import { type BlockKind, encodeTableLine } from "./pack-table.ts";
import { SALT_BYTES, TAG_BYTES } from "./sealer.ts";

export const PACK_BYTES_MAX: ByteCount = 16_777_216;
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
  readonly frame: Uint8Array;
  readonly sizes: readonly ByteCount[];
  readonly ids: Buffer;
  readonly base: string | undefined;
}

export interface PackBuilder {
  readonly blocks: number;
  /** Of the blocks as stored. */
  readonly size: ByteCount;
  /** Whether `block` leaves the pack within its limit. The first block always does. */
  fits(block: NewBlock): boolean;
  /** Copies the frame. */
  add(block: NewBlock): void;
  /** Nothing may be added afterwards. */
  finish(): Promise<FinishedPack>;
}

export interface FinishedPack {
  readonly bytes: Uint8Array;
  readonly index: PackIndex;
}

export function openPackBuilder(sealer: Sealer, start: ByteCount = START_BYTES): PackBuilder {
  const salt = sealer.newSalt();
  const cipher = sealer.packCipher(salt);
  const blocks: IndexedBlock[] = [];
  let table = "";
  let bytes = Buffer.allocUnsafeSlow(start);
  let end = 0;
  const append = (part: Uint8Array): void => {
    if (end + part.byteLength > bytes.byteLength) {
      const larger = Buffer.allocUnsafeSlow(
        Math.max(end + part.byteLength, Math.min(bytes.byteLength * 2, PACK_BYTES_MAX)),
      );
      bytes.copy(larger, 0, 0, end);
      bytes = larger;
    }
    bytes.set(part, end);
    end += part.byteLength;
  };
  append(MAGIC);
  append(salt);
  return {
    get blocks() {
      return blocks.length;
    },
    get size() {
      return end;
    },
    fits({ frame, sizes }) {
      const tableBytes = table.length + LINE_BYTES_MAX + sizes.length * SIZE_CHARS_MAX;
      // What does not compress grows by less than a hundredth.
      const foot = tableBytes * 1.01 + TAG_BYTES + FOOT_BYTES + 64;
      return blocks.length === 0 || end + frame.byteLength + TAG_BYTES + foot <= PACK_BYTES_MAX;
    },
    add({ kind, frame, sizes, ids, base }) {
      const at = end;
      append(cipher.encrypt(blocks.length, frame));
      const line = { kind, stored: end - at, sizes, base };
      table += encodeTableLine(line);
      blocks.push({ ...line, at, ids });
    },
    async finish() {
      const stored = cipher.encrypt(TABLE_BLOCK, await compressFrame(Buffer.from(table, "latin1")));
      append(stored);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(stored.byteLength);
      append(length);
      append(MAGIC);
      const whole = bytes.subarray(0, end);
      const pack = hash("sha256", whole, "hex");
      return { bytes: whole, index: { pack, size: end, blocks } };
    },
  };
}

const START_BYTES: ByteCount = 1_048_576;
/** Without the sizes: a base has 64 digits. */
const LINE_BYTES_MAX: ByteCount = 160;
const SIZE_CHARS_MAX = 9;
