// The index of a repository: all its index objects in a scratch database, held against the packs and marks that the store has.
//
// Marks are listed before packs: who removes a pack removes its mark after it, so that a pack which is listed and whose mark is
// not was not about to be removed.

import type { Clock, EpochMs, MonotonicMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { decodeIndex } from "../format/index-object.ts";
import { FOLDERS, idOfName, packName, sealedName } from "../format/object-names.ts";
import { STORE_CALLS, type CallOptions, type Store, type StoredObject } from "../store/store.ts";
import { type IndexDatabase, openIndexDatabase } from "./index-database.ts";
import { readSealed } from "./read-object.ts";
import type { ItemId, LoadedIndex, ObjectId, Repository } from "./repository.ts";

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
    const objects = await listIds(store, FOLDERS.index, { signal });
    const { marks, listed } = await listMarks(store, { clock, signal });
    for await (const page of store.list(FOLDERS.packs, { signal }))
      for (const object of page) addPack(database, object);
    const problems: string[] = [];
    for await (const { id, plain } of readAhead(repository, objects, problems, { signal })) {
      const missing = addObject(database, plain, id, problems);
      // A listing may lag behind; what a store is asked for by its name it finds.
      for (const pack of missing) {
        const object = await store.head(packName(pack), { signal });
        if (object === undefined) problems.push(`${sealedName("index", id)} names pack ${pack}, which is not there`);
        else addPack(database, object);
      }
      if (missing.length > 0) addObject(database, plain, id, []);
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
    isReliable: (id: ItemId) => database.reliable(Buffer.from(id, "base64url")) !== undefined,
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
  return { marks: await listIds(store, FOLDERS.marks, { signal }), listed };
}

async function listIds(store: Store, folder: string, options: CallOptions): Promise<readonly ObjectId[]> {
  const ids: ObjectId[] = [];
  for await (const page of store.list(folder, options)) {
    for (const { name } of page) {
      const id = idOfName(name);
      if (id !== undefined) ids.push(id);
    }
  }
  return ids;
}

function addPack(database: IndexDatabase, { name, size, modified }: StoredObject): void {
  const pack = idOfName(name);
  if (pack !== undefined) database.addPack({ pack, size, modified });
}

/** The packs that the object names and the database does not have: their blocks were left out. */
function addObject(database: IndexDatabase, plain: Uint8Array, id: ObjectId, problems: string[]): readonly ObjectId[] {
  const missing: ObjectId[] = [];
  let pack: ObjectId | undefined;
  let number = 0;
  for (const line of decodeIndex(plain)) {
    if (line === undefined) {
      problems.push(`${sealedName("index", id)} has a line that no kvsync writes`);
      break;
    }
    if (line.kind === "block") {
      if (pack !== undefined) database.addBlock(pack, number, line.block);
      number++;
      continue;
    }
    number = 0;
    pack = database.hasPack(line.pack) ? line.pack : undefined;
    if (pack === undefined) missing.push(line.pack);
  }
  return missing;
}

const AHEAD = Math.min(3, STORE_CALLS);

/** The plain bytes of each object, in turn; a few are fetched ahead. An object that is gone was replaced meanwhile by whoever
 * pruned: what it said that still holds is in another one, which this listing may not have. */
async function* readAhead(
  repository: Repository,
  objects: readonly ObjectId[],
  problems: string[],
  options: CallOptions,
): AsyncGenerator<{ readonly id: ObjectId; readonly plain: Uint8Array }, void> {
  const queue: { readonly id: ObjectId; readonly read: Promise<Uint8Array | Error | undefined> }[] = [];
  let next = 0;
  for (;;) {
    for (; queue.length < AHEAD && next < objects.length; next++) {
      const id = objects[next]!;
      queue.push({ id, read: readSealed(repository, "index", id, options).catch((error: Error) => error) });
    }
    const first = queue.shift();
    if (first === undefined) return;
    const plain = await first.read;
    if (plain instanceof Error) {
      if (!(plain instanceof AppError) || plain.code !== "repository-damaged") throw plain;
      problems.push(plain.message);
    } else if (plain === undefined)
      problems.push(`${sealedName("index", first.id)} was removed while it was to be read`);
    else yield { id: first.id, plain };
  }
}
