// The index, made anew from the packs alone: from the table of each, and from the hashes of what its blocks hold. What is left of a damaged
// pack is indexed too; where its table is damaged, an old index object tells where its blocks lie. Index objects that can be read stay, and prune removes those that the new ones replace. Those that cannot are removed
// before the first new one is written: what is written may have the content, and so the name, of one of them. Nor do those stay that name
// a damaged pack: what they say of it would be relied on, and never stored anew.
//
// A page that is stored as a difference to another can be read only once that one is found, so such pages come last.

import type { ByteCount } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { fingerprintOfSha256, sha256Of } from "../../core/fingerprint.ts";
import { giveBack } from "../../core/give-back.ts";
import { type IndexedBlock, type PackIndex, packsOf } from "../format/index-object.ts";
import { FOLDERS, idOfName, packName, sealedName } from "../format/object-names.ts";
import { indexPack } from "../format/walk-pack.ts";
import { type IndexDatabase, openIndexDatabase } from "../repository/index-database.ts";
import { INDEX_BYTES_MAX, openIndexWriter } from "../repository/index-writer.ts";
import { openItemReader } from "../repository/open-item-reader.ts";
import { readSealed } from "../repository/read-object.ts";
import type { LoadedIndex, ItemReader, ObjectId, PackFacts, Repository } from "../repository/repository.ts";
import type { CallOptions } from "../store/store.ts";

export interface RepairOptions extends CallOptions {
  readonly onStep?: (step: { readonly done: number; readonly total: number }) => void;
}

export interface RepairReport {
  readonly packs: number;
  readonly bytes: ByteCount;
  readonly items: number;
  /** Index objects: written now, and removed since they could not be read. */
  readonly written: number;
  readonly removed: number;
  /** Packs that are damaged, and what is left of them. */
  readonly damaged: readonly DamagedPack[];
}

interface DamagedPack {
  readonly pack: ObjectId;
  readonly message: string;
}

/** Throws what the store fails with. */
export async function repairIndex(repository: Repository, options: RepairOptions): Promise<RepairReport> {
  const { signal } = options;
  const database = openIndexDatabase();
  try {
    const packs: PackFacts[] = [];
    for await (const page of repository.store.list(FOLDERS.packs, { signal })) {
      for (const { name, size, modified } of page) {
        const pack = idOfName(name);
        if (pack !== undefined && name === packName(pack)) packs.push({ pack, size, modified });
      }
    }
    packs.sort((a, b) => (a.pack < b.pack ? -1 : 1));
    return await indexPacks(repository, database, packs, options);
  } finally {
    database.close();
  }
}

async function indexPacks(
  repository: Repository,
  database: IndexDatabase,
  packs: readonly PackFacts[],
  options: RepairOptions,
): Promise<RepairReport> {
  const { signal, onStep } = options;
  const writer = openIndexWriter(repository, { signal });
  const reader = readerOf(repository, database, signal);
  const damaged: DamagedPack[] = [];
  const waiting: PackFacts[] = [];
  let [items, done] = [0, 0];
  const written = new Set<ObjectId>();
  const remade = new Set<ObjectId>();
  let removed: number | undefined;
  const write = async (): Promise<void> => {
    removed ??= await removeUnreadable(repository, signal);
    const id = await writer.write();
    if (id !== undefined) written.add(id);
  };
  const take = async (facts: PackFacts, isLast: boolean): Promise<void> => {
    const found = await indexOne(repository, facts, { reader, signal });
    if (found === undefined) return;
    if (found.index !== undefined) addTo(database, facts, found.index);
    // The bases of its pages may come yet.
    if (!isLast && found.lacksBases) return void waiting.push(facts);
    onStep?.({ done: ++done, total: packs.length });
    if (found.message !== undefined) damaged.push({ pack: facts.pack, message: found.message });
    if (found.index === undefined) return;
    items += found.index.blocks.reduce((sum, { sizes }) => sum + sizes.length, 0);
    writer.add(found.index);
    remade.add(facts.pack);
    if (writer.waiting >= INDEX_BYTES_MAX) await write();
  };
  for (const facts of packs) await take(facts, false);
  for (const facts of waiting) await take(facts, true);
  await write();
  const stale = await removeStale(repository, { remade, damaged, written }, signal);
  return {
    packs: packs.length,
    bytes: packs.reduce((sum, { size }) => sum + size, 0),
    items,
    written: written.size,
    removed: (removed ?? 0) + stale,
    damaged,
  };
}

function readerOf(repository: Repository, database: IndexDatabase, signal: AbortSignal | undefined): ItemReader {
  const index: LoadedIndex = {
    places: (id) => database.places(id),
    isReliable: () => false,
    packs: () => database.packs(),
    itemsOf: (pack) => database.itemsOf(pack),
    problems: [],
    objects: [],
    close: () => {},
  };
  return openItemReader(repository, index, { signal });
}

function addTo(database: IndexDatabase, facts: PackFacts, { pack, blocks }: PackIndex): void {
  database.addPack(facts);
  for (const [number, block] of blocks.entries()) if (block.sizes.length > 0) database.addBlock(pack, number, block);
}

interface IndexedOne {
  readonly index: PackIndex | undefined;
  /** It has pages whose bases were not found yet. */
  readonly lacksBases: boolean;
  readonly message: string | undefined;
}

/** Undefined: the pack is not there any more. */
async function indexOne(
  repository: Repository,
  { pack }: PackFacts,
  { reader, signal }: { readonly reader: ItemReader; readonly signal: AbortSignal | undefined },
): Promise<IndexedOne | undefined> {
  const bytes = await repository.store.get(packName(pack), undefined, { signal });
  if (bytes === undefined) return undefined;
  let lacksBases = false;
  const basePage = async (sha256: string): Promise<Uint8Array | undefined> => {
    const base = await unlessDamaged(() => reader.pageById(fingerprintOfSha256(sha256)));
    if (base === undefined) lacksBases = true;
    return base;
  };
  const walked = { pack, bytes, basePage };
  const found =
    (await unlessDamaged(() => indexPack(repository, walked))) ??
    (await unlessDamaged(async () =>
      indexPack(repository, { ...walked, known: await findBlocks(repository, pack, signal) }),
    ));
  if (found === undefined) {
    return { index: undefined, lacksBases: false, message: "its table cannot be read: nothing of it can be indexed" };
  }
  const { index, isWhole } = found;
  const lost = index.blocks.filter(({ sizes }) => sizes.length === 0).length;
  const left = `${index.blocks.length - lost} of its ${index.blocks.length} blocks can be read`;
  // Where every byte is as it was written, a page that cannot be read has lost its base: mostly garbage whose base prune removed first.
  const isIntact = sha256Of(bytes) === pack && (isWhole || lacksBases);
  giveBack(bytes);
  return { index, lacksBases, message: isIntact ? undefined : left };
}

/** The blocks of `pack`, as one of the index objects that are there has them; undefined: none does. */
async function findBlocks(
  repository: Repository,
  pack: ObjectId,
  signal: AbortSignal | undefined,
): Promise<readonly IndexedBlock[] | undefined> {
  for await (const page of repository.store.list(FOLDERS.index, { signal })) {
    for (const { name } of page) {
      const id = idOfName(name);
      const plain = id && (await unlessDamaged(() => readSealed(repository, "index", id, { signal })));
      const found = plain && packsOf(plain).find((each) => each.pack === pack);
      if (found !== undefined) return found.blocks;
    }
  }
  return undefined;
}

async function unlessDamaged<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "repository-damaged") throw error;
    return undefined;
  }
}

/** How many index objects were removed since nothing can read them. */
async function removeUnreadable(repository: Repository, signal: AbortSignal | undefined): Promise<number> {
  const { store } = repository;
  let removed = 0;
  for await (const page of store.list(FOLDERS.index, { signal })) {
    for (const { name } of page) {
      const id = idOfName(name);
      if (id === undefined) continue;
      const isDamaged =
        (await unlessDamaged(async () => (await readSealed(repository, "index", id, { signal })) ?? "gone")) ===
        undefined;
      if (!isDamaged) continue;
      await store.remove(sealedName("index", id), { signal });
      removed++;
    }
  }
  return removed;
}

interface Remade {
  /** Packs that are indexed anew, as far as they can be read. */
  readonly remade: ReadonlySet<ObjectId>;
  readonly damaged: readonly DamagedPack[];
  readonly written: ReadonlySet<ObjectId>;
}

/** How many index objects were removed that name a damaged pack. One that also names a pack which is there and is not indexed anew stays: it
 * may be all that tells where the values of that pack lie. */
async function removeStale(
  repository: Repository,
  { remade, damaged, written }: Remade,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (damaged.length === 0) return 0;
  const bad = new Set(damaged.map(({ pack }) => pack));
  let removed = 0;
  for await (const page of repository.store.list(FOLDERS.index, { signal })) {
    for (const { name } of page) {
      const id = idOfName(name);
      if (id === undefined || written.has(id)) continue;
      const plain = await readSealed(repository, "index", id, { signal });
      const named = plain === undefined ? [] : packsOf(plain).map(({ pack }) => pack);
      if (!named.some((pack) => bad.has(pack))) continue;
      if (
        await isAnyThere(
          repository,
          named.filter((pack) => !remade.has(pack)),
          signal,
        )
      )
        continue;
      await repository.store.remove(name, { signal });
      removed++;
    }
  }
  return removed;
}

async function isAnyThere(
  { store }: Repository,
  packs: readonly ObjectId[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (const pack of packs) if ((await store.head(packName(pack), { signal })) !== undefined) return true;
  return false;
}
