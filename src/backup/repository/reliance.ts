// What a run relies on of what is stored already, and what may be relied on. It lies in the scratch database of the index.
//
// An item may be relied on in a pack that is not marked, and as long as it was written; if it is stored relative to a page, that page must be
// in such a pack too, whole.

import type { DatabaseSync } from "node:sqlite";
import { ID_BYTES } from "../format/item-id.ts";
import type { BlockPacks, BlockRow, PackRow } from "./block-packs.ts";
import type { ObjectId, PackFacts } from "./repository.ts";

export interface Reliance {
  isReliable(id: Uint8Array): boolean;
  /** Whether the item may be relied on; if so, it is from now on, and what it is stored relative to. */
  rely(id: Uint8Array): boolean;
  /** Likewise, in a place without a base: where others may be stored relative to it. */
  relyWhole(id: Uint8Array): boolean;
  /** The id of the page that the item is stored relative to where it may be relied on. */
  baseOf(id: Uint8Array): Uint8Array | undefined;
  /** The item is not relied on where it lies, until {@link trust}. */
  distrust(id: Uint8Array): void;
  /** It is stored anew. */
  trust(id: Uint8Array): void;
  /** The packs in which items are relied on, those of this run too. */
  packs(): readonly PackFacts[];
  /** Whether an item of `pack` is relied on: each is if the run made the pack. */
  has(id: Uint8Array, pack: ObjectId): boolean;
}

/** Where an item lies that is stored relative to a page which may be relied on itself. */
const RELATIVE = `
  SELECT item.block, block.base FROM item JOIN block ON block.n = item.block JOIN pack ON pack.n = block.pack
  WHERE item.id = ? AND pack.is_marked = 0 AND pack.is_cut = 0 AND EXISTS (
    SELECT 1 FROM item AS i JOIN block AS b ON b.n = i.block JOIN pack AS p ON p.n = b.pack
    WHERE i.id = block.base AND p.is_marked = 0 AND p.is_cut = 0 AND b.base IS NULL)
  ORDER BY pack.is_own DESC LIMIT 1`;

/** In the order in which items were relied on, and more than once: they are asked for only when a pack was marked, and go to a table then
 * that finds them. Until then many make a row. */
const SCHEMA = `
  CREATE TABLE relied_rows (ids BLOB NOT NULL) STRICT;
  CREATE TABLE relied (id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;`;
const IDS_A_ROW = 1024;

interface Found {
  readonly pack: PackRow;
  /** The id of the page that it is stored relative to. */
  readonly base: Uint8Array | undefined;
}

interface Standing {
  /** A pack in which it lies by itself. */
  readonly whole: PackRow | undefined;
  /** In another place it is stored relative to a page. */
  readonly isRelative: boolean;
}

interface RelativeRow {
  readonly block: BlockRow;
  readonly base: Uint8Array;
}

interface KnownPack extends PackFacts {
  readonly n: number;
  readonly is_own: number;
}

interface Deps {
  readonly database: DatabaseSync;
  readonly packs: BlockPacks;
  /** To be called before items are asked for. */
  readonly makeById: () => void;
}

export function openReliance({ database, packs, makeById }: Deps): Reliance {
  const relied = openRelied(database);
  const selectBlocks = database.prepare("SELECT block FROM item WHERE id = ?");
  selectBlocks.setReturnArrays(true);
  const selectRelative = database.prepare(RELATIVE);
  const selectOwn = database.prepare("SELECT 1 FROM pack WHERE id = ? AND is_own = 1");
  const selectPacks = database.prepare(
    "SELECT n, id AS pack, size, modified, is_own FROM pack WHERE id IS NOT NULL AND is_marked = 0",
  );
  const reliedPacks = new Set<PackRow>();
  const distrusted = new Set<string>();

  /** Where it lies in packs that may be relied on: rather in one that this run made. */
  const standing = (id: Uint8Array): Standing => {
    let whole: PackRow | undefined;
    let isRelative = false;
    if (distrusted.size > 0 && distrusted.has(textOf(id))) return { whole, isRelative };
    makeById();
    for (const [block] of selectBlocks.all(id) as unknown as (readonly [BlockRow])[]) {
      const pack = packs.packOf(block);
      if (packs.isDistrusted(pack)) continue;
      if (packs.isRelative(block)) isRelative = true;
      else if (whole === undefined || packs.isOwn(pack)) whole = pack;
    }
    return { whole, isRelative };
  };
  const find = (id: Uint8Array): Found | undefined => {
    const { whole, isRelative } = standing(id);
    const row = isRelative ? (selectRelative.get(id) as RelativeRow | undefined) : undefined;
    const pack = row && packs.packOf(row.block);
    const isBetter = pack !== undefined && (whole === undefined || (packs.isOwn(pack) && !packs.isOwn(whole)));
    if (isBetter) return { pack, base: row!.base };
    return whole === undefined ? undefined : { pack: whole, base: undefined };
  };
  const note = (id: Uint8Array, found: Found | undefined): boolean => {
    // What this run made is known to be relied on.
    if (found !== undefined && !packs.isOwn(found.pack)) {
      reliedPacks.add(found.pack);
      relied.add(id);
    }
    return found !== undefined;
  };
  const relyWhole = (id: Uint8Array): boolean => {
    const { whole } = standing(id);
    return note(id, whole === undefined ? undefined : { pack: whole, base: undefined });
  };
  return {
    isReliable: (id) => find(id) !== undefined,
    rely(id) {
      const found = find(id);
      return note(id, found) && (found?.base === undefined || relyWhole(found.base));
    },
    relyWhole,
    baseOf: (id) => find(id)?.base,
    distrust: (id) => void distrusted.add(textOf(id)),
    trust: (id) => void (distrusted.size > 0 && distrusted.delete(textOf(id))),
    packs: () =>
      (selectPacks.all() as unknown as readonly KnownPack[])
        .filter(({ n, is_own }) => is_own === 1 || reliedPacks.has(n))
        .map(({ pack, size, modified }) => ({ pack, size, modified })),
    has: (id, pack) => selectOwn.get(pack) !== undefined || relied.has(id),
  };
}

interface Relied {
  add(id: Uint8Array): void;
  has(id: Uint8Array): boolean;
}

function openRelied(database: DatabaseSync): Relied {
  database.exec(SCHEMA);
  const insertRow = database.prepare("INSERT INTO relied_rows VALUES (?)");
  const insert = database.prepare("INSERT OR IGNORE INTO relied VALUES (?)");
  const select = database.prepare("SELECT 1 FROM relied WHERE id = ?");
  const row = Buffer.alloc(IDS_A_ROW * ID_BYTES);
  let filled = 0;
  let isAsked = false;
  const endRow = (): void => {
    insertRow.run(row.subarray(0, filled));
    filled = 0;
  };
  const spread = (): void => {
    endRow();
    for (const { ids } of database.prepare("SELECT ids FROM relied_rows").iterate() as Iterable<{ ids: Uint8Array }>)
      for (let at = 0; at < ids.byteLength; at += ID_BYTES) insert.run(ids.subarray(at, at + ID_BYTES));
    database.exec("DELETE FROM relied_rows");
  };
  return {
    add(id) {
      if (isAsked) insert.run(id);
      else {
        row.set(id, filled);
        filled += ID_BYTES;
        if (filled === row.byteLength) endRow();
      }
    },
    has(id) {
      if (!isAsked) spread();
      isAsked = true;
      return select.get(id) !== undefined;
    },
  };
}

function textOf(id: Uint8Array): string {
  return Buffer.from(id).toString("base64url");
}
