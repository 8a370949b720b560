// Values and pages on their way into packs: small values share blocks, blocks fill packs, and packs that are full are handed on. Pages go to
// packs of their own, so that whoever reads a snapshot's pages need not read past its values.

import type { Clock, MonotonicMs } from "../../core/clock.ts";
import { idBytes } from "../format/item-id.ts";
import { compressFrame } from "../format/frame.ts";
import {
  BLOCK_BYTES_MAX,
  type FinishedPack,
  FOOT_BYTES,
  HEAD_BYTES,
  type NewBlock,
  openPackBuilder,
  PACK_BYTES_MAX,
  type PackBuilder,
} from "../format/pack-builder.ts";
import type { BlockRow, IndexDatabase } from "./index-database.ts";
import type { PageFrame } from "./page-frames.ts";
import type { Sealer } from "./repository.ts";

export interface PackOfBlocks extends FinishedPack {
  /** Of its blocks in the index database, in order. */
  readonly rows: readonly BlockRow[];
}

export interface ItemBlocks {
  /** `bytes` are the caller's again when it resolves. */
  addValue(id: Buffer, bytes: Uint8Array): Promise<void>;
  addPage(id: Buffer, page: PageFrame): Promise<void>;
  /** Hands on what was begun. */
  flush(): Promise<void>;
}

/** A pack is handed on after this, full or not: what a slow source gave is not to be lost with the process. */
const PACK_AGE_MS_MAX = 300_000;
/** What a block that fills a pack alone leaves room for in its table. */
const TABLE_BYTES = 1024;

interface OpenPack {
  readonly builder: PackBuilder;
  readonly rows: BlockRow[];
}

interface Deps {
  readonly sealer: Sealer;
  readonly database: IndexDatabase;
  readonly clock: Clock;
  /** Takes a pack; resolves when another one may follow. */
  readonly store: (pack: PackOfBlocks) => Promise<void>;
}

/** Its calls come one after another. */
export function openItemBlocks(deps: Deps): ItemBlocks {
  const { sealer, database, clock } = deps;
  const packs = { values: undefined as OpenPack | undefined, page: undefined as OpenPack | undefined };
  const small = Buffer.allocUnsafeSlow(BLOCK_BYTES_MAX);
  let filled = 0;
  let sizes: number[] = [];
  let ids: Buffer[] = [];
  let smallRow: BlockRow | undefined;
  /** When the oldest item came that was not handed on. */
  let since: MonotonicMs | undefined;

  const endPack = async (kind: NewBlock["kind"]): Promise<void> => {
    const pack = packs[kind];
    packs[kind] = undefined;
    if (pack !== undefined) await deps.store({ ...(await pack.builder.finish()), rows: pack.rows });
  };
  const addBlock = async (block: NewBlock, row: BlockRow): Promise<void> => {
    const { kind, frame } = block;
    if (packs[kind]?.builder.fits(block) === false) await endPack(kind);
    if (packs[kind] === undefined && frame.byteLength > PACK_BYTES_MAX / 2) {
      const builder = openPackBuilder(sealer, HEAD_BYTES + frame.byteLength + TABLE_BYTES + FOOT_BYTES);
      packs[kind] = { builder, rows: [] };
    }
    const pack = (packs[kind] ??= { builder: openPackBuilder(sealer), rows: [] });
    pack.builder.add(block);
    pack.rows.push(row);
    if (pack.builder.size >= PACK_BYTES_MAX) await endPack(kind);
  };
  const endSmall = async (): Promise<void> => {
    if (smallRow === undefined) return;
    const row = smallRow;
    const frame = await compressFrame(small.subarray(0, filled));
    const block: NewBlock = { kind: "values", frame, sizes, ids: Buffer.concat(ids), base: undefined };
    smallRow = undefined;
    filled = 0;
    sizes = [];
    ids = [];
    await addBlock(block, row);
  };
  const addValue = async (id: Buffer, bytes: Uint8Array): Promise<void> => {
    const size = bytes.byteLength;
    if (size > BLOCK_BYTES_MAX) {
      const row = database.beginBlock();
      database.addItem(id, { block: row, offset: 0, size });
      const frame = await compressFrame(bytes);
      await addBlock({ kind: "values", frame, sizes: [size], ids: id, base: undefined }, row);
      return;
    }
    if (filled + size > BLOCK_BYTES_MAX) await endSmall();
    smallRow ??= database.beginBlock();
    database.addItem(id, { block: smallRow, offset: filled, size });
    small.set(bytes, filled);
    filled += size;
    sizes.push(size);
    ids.push(id);
  };
  const addPage = async (id: Buffer, { frame, size, base }: PageFrame): Promise<void> => {
    const row = database.beginBlock(base === undefined ? undefined : idBytes(base));
    database.addItem(id, { block: row, offset: 0, size });
    await addBlock({ kind: "page", frame, sizes: [size], ids: id, base }, row);
  };
  const flush = async (): Promise<void> => {
    await endSmall();
    await endPack("values");
    await endPack("page");
    since = undefined;
  };
  const flushIfOld = async (): Promise<void> => {
    const now = clock.monotonic();
    since ??= now;
    if (now - since >= PACK_AGE_MS_MAX) await flush();
  };
  return {
    async addValue(id, bytes) {
      await addValue(id, bytes);
      await flushIfOld();
    },
    async addPage(id, page) {
      await addPage(id, page);
      await flushIfOld();
    },
    flush,
  };
}
