// What a run relies on of what is stored already, and what may be relied on. It lies in the scratch database of the index.
//
// An item may be relied on in a pack that is not marked, and as long as it was written; if it is stored relative to a page, that page must be
// in such a pack too, whole.

import type { DatabaseSync } from "node:sqlite";
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

const RELIABLE = `
  SELECT pack.n, pack.is_own, block.base FROM item JOIN block ON block.n = item.block JOIN pack ON pack.n = block.pack
  WHERE item.id = ? AND pack.is_marked = 0 AND pack.is_cut = 0 AND (block.base IS NULL OR EXISTS (
    SELECT 1 FROM item AS i JOIN block AS b ON b.n = i.block JOIN pack AS p ON p.n = b.pack
    WHERE i.id = block.base AND p.is_marked = 0 AND p.is_cut = 0 AND b.base IS NULL))
  ORDER BY pack.is_own DESC LIMIT 1`;

const RELIABLE_WHOLE = `
  SELECT pack.n, pack.is_own, block.base FROM item JOIN block ON block.n = item.block JOIN pack ON pack.n = block.pack
  WHERE item.id = ? AND pack.is_marked = 0 AND pack.is_cut = 0 AND block.base IS NULL ORDER BY pack.is_own DESC LIMIT 1`;

/** In the order in which items were relied on, and more than once: it is asked only when a pack was marked. */
const SCHEMA = "CREATE TABLE relied (id BLOB NOT NULL) STRICT";

interface Found {
  readonly n: number;
  readonly is_own: number;
  readonly base: Uint8Array | null;
}

interface KnownPack extends PackFacts {
  readonly n: number;
  readonly is_own: number;
}

export function openReliance(database: DatabaseSync): Reliance {
  database.exec(SCHEMA);
  const selectReliable = database.prepare(RELIABLE);
  const selectWhole = database.prepare(RELIABLE_WHOLE);
  const insertRelied = database.prepare("INSERT INTO relied VALUES (?)");
  const selectRelied = database.prepare("SELECT 1 FROM relied WHERE id = ?");
  const selectOwn = database.prepare("SELECT 1 FROM pack WHERE id = ? AND is_own = 1");
  const selectPacks = database.prepare(
    "SELECT n, id AS pack, size, modified, is_own FROM pack WHERE id IS NOT NULL AND is_marked = 0",
  );
  const packs = new Set<number>();
  const distrusted = new Set<string>();

  const find = (id: Uint8Array, select = selectReliable): Found | undefined => {
    if (distrusted.size > 0 && distrusted.has(textOf(id))) return undefined;
    return select.get(id) as Found | undefined;
  };
  const note = (id: Uint8Array, found: Found | undefined): boolean => {
    // What this run made is known to be relied on.
    if (found?.is_own === 0) {
      packs.add(found.n);
      insertRelied.run(id);
    }
    return found !== undefined;
  };
  const relyWhole = (id: Uint8Array): boolean => note(id, find(id, selectWhole));
  return {
    isReliable: (id) => find(id) !== undefined,
    rely(id) {
      const found = find(id);
      return note(id, found) && (found?.base == null || relyWhole(found.base));
    },
    relyWhole,
    baseOf: (id) => find(id)?.base ?? undefined,
    distrust: (id) => void distrusted.add(textOf(id)),
    trust: (id) => void (distrusted.size > 0 && distrusted.delete(textOf(id))),
    packs: () =>
      (selectPacks.all() as unknown as readonly KnownPack[])
        .filter(({ n, is_own }) => is_own === 1 || packs.has(n))
        .map(({ pack, size, modified }) => ({ pack, size, modified })),
    has(id, pack) {
      if (selectOwn.get(pack) !== undefined) return true;
      database.exec("CREATE INDEX IF NOT EXISTS relied_id ON relied (id)");
      return selectRelied.get(id) !== undefined;
    },
  };
}

function textOf(id: Uint8Array): string {
  return Buffer.from(id).toString("base64url");
}
