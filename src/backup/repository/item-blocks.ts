// Values and pages on their way into packs: small values share blocks, blocks fill packs, and packs that are full are handed on. Pages go to
// packs of their own, so that whoever reads a snapshot's pages need not read past its values.

import type { ByteCount, Clock, MonotonicMs } from "../../core/clock.ts";
import { idBytes } from "../format/item-id.ts";
import { compressFrame, compressInParts } from "../format/frame.ts";
import {
  BLOCK_BYTES_MAX,
  type FinishedPack,
  type FramedBlock,
  type NewBlock,
  openPackBuilder,
  PACK_BYTES_MAX,
  type PackBuilder,
  packBytesOf,
} from "../format/pack-builder.ts";
import type { BlockKind } from "../format/pack-table.ts";
import { openBufferPool } from "./buffer-pool.ts";
import type { BlockRow } from "./block-packs.ts";
import type { IndexDatabase } from "./index-database.ts";
import type { PageFrame } from "./page-frames.ts";
import type { Sealer } from "./repository.ts";

export interface PackOfBlocks extends FinishedPack {
  /** Of its blocks in the index database, in order. */
  readonly rows: readonly BlockRow[];
  /** To be called when nobody needs the pack's bytes any more. */
  readonly free: () => void;
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
/** A larger value has a pack of its own, whose bytes are made without a copy of it. */
const ALONE_BYTES_MIN: ByteCount = 4_194_304;

interface OpenPack {
  readonly builder: PackBuilder;
  readonly buffer: Buffer;
  readonly rows: BlockRow[];
}

interface Deps {
  readonly sealer: Sealer;
  readonly database: IndexDatabase;
  readonly clock: Clock;
  /** Takes a pack; resolves when another one may follow. */
  readonly store: (pack: PackOfBlocks) => Promise<void>;
  /** Resolves when a pack of `size` may be made. */
  readonly ready: (size: ByteCount) => Promise<void>;
}

/** Its calls come one after another. */
export function openItemBlocks(deps: Deps): ItemBlocks {
  const { sealer, database, clock } = deps;
  const packs = { values: undefined as OpenPack | undefined, page: undefined as OpenPack | undefined };
  const buffers = openBufferPool();
  const small = Buffer.allocUnsafeSlow(BLOCK_BYTES_MAX);
  let filled = 0;
  let sizes: number[] = [];
  let ids: Buffer[] = [];
  let smallRow: BlockRow | undefined;
  /** When the oldest item came that was not handed on. */
  let since: MonotonicMs | undefined;

  const open = (room: ByteCount): OpenPack => {
    const buffer = buffers.take(room);
    return { builder: openPackBuilder(sealer, buffer), buffer, rows: [] };
  };
  const handOn = async ({ builder, buffer, rows }: OpenPack): Promise<void> => {
    const pack = await builder.finish();
    await deps.store({ ...pack, rows, free: () => buffers.give(buffer) });
  };
  const endPack = async (kind: BlockKind): Promise<void> => {
    const pack = packs[kind];
    packs[kind] = undefined;
    if (pack !== undefined) await handOn(pack);
  };
  const addBlock = async (block: FramedBlock, row: BlockRow): Promise<void> => {
    const { kind, frame } = block;
    if (packs[kind]?.builder.fits(block) === false) await endPack(kind);
    const pack = (packs[kind] ??= open(Math.max(PACK_BYTES_MAX, packBytesOf(frame.byteLength))));
    pack.builder.add(block);
    pack.rows.push(row);
    if (pack.builder.size >= PACK_BYTES_MAX) await endPack(kind);
  };
  const endSmall = async (): Promise<void> => {
    if (smallRow === undefined) return;
    const row = smallRow;
    const frame = await compressFrame(small.subarray(0, filled));
    const block: FramedBlock = { kind: "values", frame, sizes, ids: Buffer.concat(ids), base: undefined };
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
      const block: NewBlock = { kind: "values", sizes: [size], ids: id, base: undefined };
      if (size <= ALONE_BYTES_MIN) await addBlock({ ...block, frame: await compressFrame(bytes) }, row);
      else {
        const room = packBytesOf(size);
        // Such a pack in the making takes as much memory as one that is on its way.
        await deps.ready(room);
        const pack = open(room);
        pack.rows.push(row);
        await pack.builder.addInParts(block, compressInParts(bytes));
        await handOn(pack);
      }
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
