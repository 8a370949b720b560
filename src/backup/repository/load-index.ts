// The index of a repository: all its index objects in a scratch database, held against the packs and marks that the store has.
//
// Marks are listed first: a mark outlives its pack, so that a pack which is listed and has no mark was not about to be removed.

import pLimit from "p-limit";
import type { Clock, EpochMs, MonotonicMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { decodeIndex } from "../format/index-object.ts";
import { FOLDERS, idOfName, packName, sealedName } from "../format/object-names.ts";
import { STORE_CALLS, type CallOptions, type Store, type StoredObject } from "../store/store.ts";
import { type IndexDatabase, openIndexDatabase } from "./index-database.ts";
import { readSealed } from "./read-object.ts";
import type { IndexObject, IndexProblem, ItemId, LoadedIndex, ObjectId, Repository } from "./repository.ts";

/** When marks were listed, by the store's clock and by ours. */
export interface MarksListing {
  readonly store: EpochMs;
  readonly here: MonotonicMs;
}

export interface ScratchIndex extends LoadedIndex {
  readonly database: IndexDatabase;
  readonly marksListed: MarksListing;
}

export interface LoadIndexOptions extends CallOptions {
  readonly clock: Clock;
}

/** What is damaged or missing is told by `problems`; a store that fails throws. */
export async function loadIndex(repository: Repository, { clock, signal }: LoadIndexOptions): Promise<ScratchIndex> {
  const { store } = repository;
  const database = openIndexDatabase();
  try {
    const { marks, listed } = await listMarks(store, { clock, signal });
    const found: StoredObject[] = [];
    for await (const page of store.list(FOLDERS.index, { signal })) found.push(...page);
    for await (const page of store.list(FOLDERS.packs, { signal })) for (const pack of page) addPack(database, pack);
    const problems: IndexProblem[] = [];
    const objects: IndexObject[] = [];
    for await (const { object, plain } of readAhead(repository, found, problems, { signal })) {
      const { id } = object;
      const named = addObject(database, plain);
      if (!named.isWhole) problems.push(damage(id, `${sealedName("index", id)} has a line that no kvsync writes`));
      // A listing may lag behind; what a store is asked for by its name it finds.
      const late = await findPacks(database, store, named.missing, { signal });
      for (const pack of named.missing) {
        if (late.has(pack)) continue;
        const message = `${sealedName("index", id)} names pack ${pack}, which is not there`;
        problems.push({ kind: "pack-gone", object: id, pack, message });
      }
      const cut = late.size > 0 ? addObject(database, plain).cut : named.cut;
      for (const pack of cut) database.distrustPack(pack);
      objects.push({ ...object, packs: named.packs });
    }
    for (const pack of marks) database.mark(pack);
    return { ...viewOf(database), database, marksListed: listed, problems, objects };
  } catch (error) {
    database.close();
    throw error;
  }
}

function viewOf(database: IndexDatabase): Omit<LoadedIndex, "problems" | "objects"> {
  return {
    places: (id) => database.places(id),
    isReliable: (id: ItemId) => database.reliance.isReliable(Buffer.from(id, "base64url")),
    packs: () => database.packs(),
    itemsOf: (pack) => database.itemsOf(pack),
    close: () => database.close(),
  };
}

/** The packs that are marked, and when that was asked for. */
export async function listMarks(
  store: Store,
  { clock, signal }: LoadIndexOptions,
): Promise<{ readonly marks: readonly ObjectId[]; readonly listed: MarksListing }> {
  // Before the listing: what is marked while it goes on may be missing from it.
  const listed = { here: clock.monotonic(), store: await store.now({ signal }) };
  const marks: ObjectId[] = [];
  for await (const page of store.list(FOLDERS.marks, { signal })) {
    for (const { name } of page) {
      const pack = idOfName(name);
      if (pack !== undefined) marks.push(pack);
    }
  }
  return { marks, listed };
}

function addPack(database: IndexDatabase, { name, size, modified }: StoredObject): void {
  const pack = idOfName(name);
  if (pack !== undefined) database.addPack({ pack, size, modified });
}

interface NamedPacks {
  readonly packs: readonly ObjectId[];
  /** Those that the database does not have: their blocks were left out. */
  readonly missing: readonly ObjectId[];
  /** Those that are not as long as the object says. */
  readonly cut: readonly ObjectId[];
  readonly isWhole: boolean;
}

function addObject(database: IndexDatabase, plain: Uint8Array): NamedPacks {
  const packs: ObjectId[] = [];
  const missing: ObjectId[] = [];
  const cut: ObjectId[] = [];
  let pack: ObjectId | undefined;
  let number = 0;
  for (const line of decodeIndex(plain)) {
    if (line === undefined) return { packs, missing, cut, isWhole: false };
    if (line.kind === "block") {
      if (pack !== undefined) database.addBlock(pack, number, line.block);
      number++;
      continue;
    }
    number = 0;
    packs.push(line.pack);
    const size = database.sizeOf(line.pack);
    pack = size === undefined ? undefined : line.pack;
    if (pack === undefined) missing.push(line.pack);
    else if (size !== line.size) cut.push(line.pack);
  }
  return { packs, missing, cut, isWhole: true };
}

/** Adds those of `packs` that are there though they were not listed. */
async function findPacks(
  database: IndexDatabase,
  store: Store,
  packs: readonly ObjectId[],
  options: CallOptions,
): Promise<ReadonlySet<ObjectId>> {
  const found = await pLimit(STORE_CALLS).map(packs, (pack) => store.head(packName(pack), options));
  for (const object of found) if (object !== undefined) addPack(database, object);
  return new Set(packs.filter((_, i) => found[i] !== undefined));
}

interface PlainObject {
  readonly object: Omit<IndexObject, "packs">;
  readonly plain: Uint8Array;
}

/** The plain bytes of each object, in turn; a few are fetched ahead. An object that is gone was replaced by a newer one. */
async function* readAhead(
  repository: Repository,
  objects: readonly StoredObject[],
  problems: IndexProblem[],
  options: CallOptions,
): AsyncGenerator<PlainObject, void> {
  const queue: {
    readonly id: ObjectId;
    readonly object: StoredObject;
    readonly read: Promise<Uint8Array | Error | undefined>;
  }[] = [];
  let next = 0;
  for (;;) {
    for (; queue.length < AHEAD && next < objects.length; next++) {
      const object = objects[next]!;
      const id = idOfName(object.name);
      if (id === undefined) continue;
      const read = readSealed(repository, "index", id, options).catch((error: Error) => error);
      queue.push({ id, object, read });
    }
    const first = queue.shift();
    if (first === undefined) return;
    const {
      id,
      object: { size, modified },
      read,
    } = first;
    const plain = await read;
    if (plain instanceof Error) {
      if (!(plain instanceof AppError) || plain.code !== "repository-damaged") throw plain;
      problems.push(damage(id, plain.message));
    } else if (plain === undefined) {
      const message = `${sealedName("index", id)} was removed before it could be read`;
      problems.push({ kind: "object-gone", object: id, pack: undefined, message });
    } else yield { object: { id, size, modified }, plain };
  }
}

const AHEAD = 3;

function damage(object: ObjectId, message: string): IndexProblem {
  return { kind: "damaged", object, pack: undefined, message };
}
