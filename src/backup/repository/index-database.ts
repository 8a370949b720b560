// The scratch database of an index: packs, blocks and items. SQLite keeps it in a temporary file while it is
// large, and it is gone when it is closed.
//
// An item of a run is here as soon as it was put, in a block of the pack number 0, "in the making", until its pack is stored.
//
// Items are added a block at a time, and what finds them by their ids is made when the first one is asked for: an index that is kept while a
// million of them arrive in no order takes twice as long.

import { DatabaseSync } from "node:sqlite";
import type { ByteCount, EpochMs } from "../../core/clock.ts";
import type { IndexedBlock } from "../format/index-object.ts";
import { ID_BYTES, idText } from "../format/item-id.ts";
import { type BlockRow, IN_THE_MAKING, openBlockPacks, type PackRow } from "./block-packs.ts";
import { openReliance, type Reliance } from "./reliance.ts";
import type { ItemId, ObjectId, PackFacts, Place } from "./repository.ts";

export interface IndexDatabase {
  addPack(pack: PackFacts): void;
  /** As it is in the store. Undefined: the pack is not in the database. */
  sizeOf(pack: ObjectId): ByteCount | undefined;
  /** The pack is not as long as it was: nothing is to rely on it. What of it can still be read has its places. */
  distrustPack(pack: ObjectId): void;
  /** A block of a pack that is in the database. What is there already stays. */
  addBlock(pack: ObjectId, number: number, block: IndexedBlock): void;

  /** A block in the making. `base`: the id of the page that it is stored relative to. */
  beginBlock(base?: Uint8Array): BlockRow;
  /** An item of it. */
  addItem(
    id: Uint8Array,
    item: { readonly block: BlockRow; readonly offset: ByteCount; readonly size: ByteCount },
  ): void;
  /** The pack of a run is stored, with these blocks in order. */
  addOwnPack(pack: PackFacts, blocks: readonly { readonly row: BlockRow; readonly block: IndexedBlock }[]): void;

  /** From now on, and whatever is listed later, nothing is to rely on the pack. False: it was marked already, or is not here. */
  mark(pack: ObjectId): boolean;
  places(id: ItemId): readonly Place[];
  /** What the run relies on. */
  readonly reliance: Reliance;
  itemsOf(pack: ObjectId): Iterable<KnownItem>;
  packs(): readonly KnownPack[];
  close(): void;
}

interface KnownItem {
  readonly id: ItemId;
  readonly kind: "value" | "page";
  readonly place: Place;
}

type KnownPack = PackFacts & { readonly isMarked: boolean; readonly isIndexed: boolean; readonly isCut: boolean };

const SCHEMA = `
  PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000;
  CREATE TABLE pack (
    n INTEGER PRIMARY KEY,
    id TEXT UNIQUE,
    size INTEGER NOT NULL,
    modified REAL NOT NULL,
    is_marked INTEGER NOT NULL,
    is_own INTEGER NOT NULL,
    is_cut INTEGER NOT NULL
  ) STRICT;
  -- What is in the making: it has no id yet.
  INSERT INTO pack VALUES (0, NULL, 0, 0, 0, 1, 0);
  CREATE TABLE block (
    n INTEGER PRIMARY KEY,
    pack INTEGER NOT NULL,
    -- In the making: -n.
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    plain INTEGER NOT NULL,
    kind TEXT NOT NULL,
    -- The id of a page.
    base BLOB,
    ids BLOB NOT NULL,
    sizes TEXT NOT NULL,
    UNIQUE (pack, number)
  ) STRICT;
  CREATE TABLE item (
    id BLOB NOT NULL,
    block INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    size INTEGER NOT NULL
  ) STRICT;
  BEGIN;
`;

/** With the block, so that whoever asks for that alone finds it here. */
const BY_ID = "CREATE INDEX item_id ON item (id, block)";

/** Of one block. `sizes`: a JSON array. */
const ITEMS = `
  INSERT INTO item
  SELECT substr(:ids, 1 + ${ID_BYTES} * key, ${ID_BYTES}), :row, sum(value) OVER (ORDER BY key ROWS UNBOUNDED PRECEDING) - value, value
  FROM json_each(:sizes)`;

const PLACES = `
  SELECT pack.id, pack.size AS packSize, block.number, block.at, block.stored, item.offset, item.size, block.plain, block.base, pack.is_marked, pack.is_cut
  FROM item JOIN block ON block.n = item.block JOIN pack ON pack.n = block.pack
  WHERE item.id = ? AND pack.id IS NOT NULL`;

interface BlockOfPack {
  readonly number: number;
  readonly at: number;
  readonly stored: number;
  readonly plain: number;
  readonly kind: string;
  readonly base: Uint8Array | null;
  readonly ids: Uint8Array;
  readonly sizes: string;
}

export function openIndexDatabase(): IndexDatabase {
  const database = new DatabaseSync("");
  database.exec(SCHEMA);
  const insertPack = database.prepare("INSERT OR IGNORE INTO pack VALUES (NULL, ?, ?, ?, 0, ?, 0)");
  const selectPack = database.prepare("SELECT n, size, is_own FROM pack WHERE id = ?");
  const insertBlock = database.prepare("INSERT OR IGNORE INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const removeBlock = database.prepare("DELETE FROM block WHERE n = ?");
  const insertItems = database.prepare(ITEMS);
  const insertItem = database.prepare("INSERT INTO item VALUES (?, ?, ?, ?)");
  const markPack = database.prepare("UPDATE pack SET is_marked = 1 WHERE id = ? AND is_marked = 0");
  const cutPack = database.prepare("UPDATE pack SET is_cut = 1 WHERE id = ?");
  const selectPlaces = database.prepare(PLACES);
  selectPlaces.setReturnArrays(true);
  const nextBlock = database.prepare("SELECT * FROM block WHERE pack = ? AND number > ? ORDER BY number LIMIT 1");
  const selectPacks = database.prepare(
    "SELECT id, size, modified, is_marked, is_cut, EXISTS (SELECT 1 FROM block WHERE pack = pack.n) AS is_indexed FROM pack WHERE id IS NOT NULL",
  );
  const packs = openBlockPacks();
  let blocks = 0;
  let isById = false;
  const makeById = (): void => {
    if (!isById) database.exec(BY_ID);
    isById = true;
  };
  const putPack = ({ pack, size, modified }: PackFacts, isOwn: boolean): void => {
    const { changes, lastInsertRowid } = insertPack.run(pack, size, modified, isOwn ? 1 : 0);
    if (changes > 0) packs.addPack(Number(lastInsertRowid), isOwn);
  };
  const rowOf = (pack: ObjectId) => selectPack.get(pack) as { n: number; size: number; is_own: number } | undefined;
  const putBlock = (row: BlockRow, pack: PackRow, number: number, block: IndexedBlock): boolean => {
    const { at, stored, sizes, kind, base, ids } = block;
    const plain = sizes.reduce((sum, size) => sum + size, 0);
    const baseId = base === undefined ? null : Buffer.from(base, "hex").subarray(0, ID_BYTES);
    packs.put(row, pack, base !== undefined);
    return insertBlock.run(row, pack, number, at, stored, plain, kind, baseId, ids, sizes.join(",")).changes > 0;
  };
  /** One at a time, so that whoever walks may change the database between two. */
  const walk = function* (pack: ObjectId): Generator<KnownItem, void> {
    const row = rowOf(pack);
    if (row === undefined) return;
    for (let number = -1; ;) {
      const block = nextBlock.get(row.n, number) as unknown as BlockOfPack | undefined;
      if (block === undefined) return;
      number = block.number;
      yield* itemsOfBlock({ pack, packSize: row.size }, block);
    }
  };
  return {
    addPack: (pack) => putPack(pack, false),
    sizeOf: (pack) => rowOf(pack)?.size,
    distrustPack(pack) {
      cutPack.run(pack);
      packs.distrust(rowOf(pack)!.n);
    },
    addBlock(pack, number, block) {
      const row = ++blocks;
      if (putBlock(row, rowOf(pack)!.n, number, block))
        insertItems.run({ ids: block.ids, row, sizes: `[${block.sizes.join(",")}]` });
    },
    beginBlock(base) {
      const row = ++blocks;
      packs.put(row, IN_THE_MAKING, base !== undefined);
      insertBlock.run(row, IN_THE_MAKING, -row, 0, 0, 0, "", base ?? null, new Uint8Array(), "");
      return row;
    },
    addItem: (id, { block, offset, size }) => void insertItem.run(id, block, offset, size),
    addOwnPack(facts, own) {
      putPack(facts, true);
      const { n } = rowOf(facts.pack)!;
      for (const [number, { row, block }] of own.entries()) {
        removeBlock.run(row);
        putBlock(row, n, number, block);
      }
    },
    mark(pack) {
      if (markPack.run(pack).changes === 0) return false;
      packs.distrust(rowOf(pack)!.n);
      return true;
    },
    places(id) {
      makeById();
      const rows = selectPlaces.all(Buffer.from(id, "base64url")) as unknown as PlaceRow[];
      return (rows.length > 1 ? rows.toSorted(byUse) : rows).map(placeOf);
    },
    reliance: openReliance({ database, packs, makeById }),
    itemsOf: walk,
    packs: () =>
      (selectPacks.all() as unknown as PackColumns[]).map(({ id, size, modified, is_marked, is_indexed, is_cut }) => {
        return {
          pack: id,
          size,
          modified,
          isMarked: is_marked === 1,
          isIndexed: is_indexed === 1,
          isCut: is_cut === 1,
        };
      }),
    close: () => database.close(),
  };
}

interface PackColumns {
  readonly id: ObjectId;
  readonly size: number;
  readonly modified: EpochMs;
  readonly is_marked: number;
  readonly is_indexed: number;
  readonly is_cut: number;
}

type PlaceRow = readonly [
  pack: ObjectId,
  packSize: ByteCount,
  block: number,
  at: ByteCount,
  stored: ByteCount,
  offset: ByteCount,
  size: ByteCount,
  plain: ByteCount,
  base: Uint8Array | null,
  isMarked: number,
  isCut: number,
];

/** In packs that are not marked first, then in those that are as long as they were, and whole before relative. */
function byUse(a: PlaceRow, b: PlaceRow): number {
  return a[9] - b[9] || a[10] - b[10] || Number(a[8] !== null) - Number(b[8] !== null);
}

function placeOf([pack, packSize, block, at, stored, offset, size, plain, base]: PlaceRow): Place {
  return { pack, packSize, block, at, stored, offset, size, plain, base: base === null ? undefined : idText(base) };
}

function* itemsOfBlock(pack: Pick<Place, "pack" | "packSize">, block: BlockOfPack): Generator<KnownItem, void> {
  const { number, at, stored, plain, kind, base, ids, sizes } = block;
  if (sizes === "") return;
  const baseId = base === null ? undefined : idText(base);
  let offset = 0;
  for (const [i, text] of sizes.split(",").entries()) {
    const size = Number(text);
    const id = idText(ids.subarray(i * ID_BYTES, (i + 1) * ID_BYTES));
    const place = { ...pack, block: number, at, stored, offset, size, plain, base: baseId };
    yield { id, kind: kind === "page" ? "page" : "value", place };
    offset += size;
  }
}
