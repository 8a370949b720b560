// A whole pack, gone through from its own table, without an index: what `check` reads, and what an index is made of anew.

import type { ByteCount } from "../../core/clock.ts";
import { fingerprintOf } from "../../core/fingerprint.ts";
import { giveBack } from "../../core/give-back.ts";
import { openBlock, openFrame } from "./block.ts";
import { damaged } from "./damage.ts";
import type { IndexedBlock, PackIndex } from "./index-object.ts";
import { packName } from "./object-names.ts";
import { FOOT_BYTES, HEAD_BYTES, MAGIC, TABLE_BLOCK } from "./pack-builder.ts";
import { decodeTable, type TableLine } from "./pack-table.ts";
import type { ItemId, ObjectId, PackCipher, Repository } from "../repository/repository.ts";

export interface WalkedBlock extends TableLine {
  /** In the pack. */
  readonly number: number;
  readonly at: ByteCount;
  /** Until the next block is asked for. Undefined: the block is not as it was written, or the page that it is stored relative to could not
   * be had. */
  readonly items: readonly WalkedItem[] | undefined;
}

interface WalkedItem {
  readonly id: ItemId;
  readonly bytes: Uint8Array;
}

export interface PackToWalk {
  readonly pack: ObjectId;
  /** All of it. */
  readonly bytes: Uint8Array;
  /** The bytes of a page that others are stored relative to, by its SHA-256. Undefined: it cannot be had. */
  readonly basePage: (sha256: string) => Promise<Uint8Array | undefined>;
  /** Its blocks in order as an index tells them, for where its own table cannot be read. */
  readonly known?: readonly TableLine[] | undefined;
}

/** The blocks in order. Throws AppError "repository-damaged" if the table cannot be read, and no `known` is given. */
export async function* walkPack(
  { sealer }: Pick<Repository, "sealer">,
  { pack, bytes, basePage, known }: PackToWalk,
): AsyncGenerator<WalkedBlock, void> {
  const cipher = sealer.packCipher(bytes.subarray(MAGIC.byteLength, HEAD_BYTES));
  const table = (await readTable(bytes, cipher)) ?? known;
  if (table === undefined) throw damaged(packName(pack), "has no table that can be read");
  let at = HEAD_BYTES;
  for (const [number, line] of table.entries()) {
    const { stored, sizes, base } = line;
    const plain = sizes.reduce((sum, size) => sum + size, 0);
    const dictionary = base === undefined ? undefined : await basePage(base);
    const facts = { cipher, block: number, plain, dictionary };
    // Without sizes: it was lost when the index was made.
    const isMissing = sizes.length === 0 || (base !== undefined && dictionary === undefined);
    const block = isMissing ? undefined : await openBlock(bytes.subarray(at, at + stored), facts);
    yield { ...line, number, at, items: block && itemsOf(block, sizes) };
    if (block !== undefined) giveBack(block);
    at += stored;
  }
}

function itemsOf(block: Uint8Array, sizes: readonly ByteCount[]): readonly WalkedItem[] {
  let offset = 0;
  return sizes.map((size) => {
    const bytes = block.subarray(offset, offset + size);
    offset += size;
    return { id: fingerprintOf(bytes), bytes };
  });
}

/** Undefined: it is not as it was written. */
async function readTable(bytes: Uint8Array, cipher: PackCipher): Promise<readonly TableLine[] | undefined> {
  const foot = Buffer.from(bytes.subarray(-FOOT_BYTES));
  const isPack = bytes.byteLength >= HEAD_BYTES + FOOT_BYTES && MAGIC.equals(bytes.subarray(0, MAGIC.byteLength));
  if (!isPack || !MAGIC.equals(foot.subarray(-MAGIC.byteLength))) return undefined;
  const end = bytes.byteLength - FOOT_BYTES;
  const start = end - foot.readUInt32LE(0);
  if (start < HEAD_BYTES) return undefined;
  const facts = { cipher, block: TABLE_BLOCK, sizeMax: TABLE_BYTES_MAX };
  const plain = await openFrame(bytes.subarray(start, end), facts);
  const table = plain && decodeTable(plain);
  return table?.reduce((sum, { stored }) => sum + stored, HEAD_BYTES) === start ? table : undefined;
}

/** A bound for what a damaged table may ask for. */
const TABLE_BYTES_MAX: ByteCount = 268_435_456;

/** What an index says of the pack. Of a block that is not as it was written it tells no items, and where it lies: so those behind it keep
 * their numbers. `isWhole`: there is none such. */
export async function indexPack(
  repository: Pick<Repository, "sealer">,
  walked: PackToWalk,
): Promise<{ readonly index: PackIndex; readonly isWhole: boolean }> {
  const blocks: IndexedBlock[] = [];
  let isWhole = true;
  for await (const { kind, stored, sizes, base, at, items } of walkPack(repository, walked)) {
    if (items === undefined) {
      isWhole = false;
      blocks.push({ kind: "values", stored, at, sizes: [], base: undefined, ids: Buffer.alloc(0) });
    } else {
      const ids = Buffer.concat(items.map(({ id }) => Buffer.from(id, "base64url")));
      blocks.push({ kind, stored, at, sizes, base, ids });
    }
  }
  return { index: { pack: walked.pack, size: walked.bytes.byteLength, blocks }, isWhole };
}
