// Reads packs as a whole and holds every byte against its hash: the pack against its name, each block against its checksum, and each item
// against its id and against what the index says.

import { AppError } from "../../core/errors.ts";
import { fingerprintOfSha256, sha256Of } from "../../core/fingerprint.ts";
import { giveBack } from "../../core/give-back.ts";
import { packName } from "../format/object-names.ts";
import { walkPack } from "../format/walk-pack.ts";
import { openItemReader } from "../repository/open-item-reader.ts";
import type { ItemId, ItemReader, LoadedIndex, ObjectId, Repository } from "../repository/repository.ts";
import type { CallOptions } from "../store/store.ts";

export interface PackFault {
  readonly pack: ObjectId;
  readonly message: string;
  /** Items that cannot be had of this pack. None: it is not as it was written, and nothing that is known of it was lost. */
  readonly items: readonly ItemId[];
}

interface Deps {
  readonly repository: Repository;
  readonly index: LoadedIndex;
  readonly reader: ItemReader;
}

/** Packs are up to 16 MiB each, or one value of 25. */
const AHEAD = 2;

/** The faults of `packs`, as they are found. One that was removed meanwhile by a prune has none, if it was marked. */
export async function* checkPacks(
  deps: Deps,
  packs: readonly { readonly pack: ObjectId; readonly isMarked: boolean }[],
  options: CallOptions & { readonly onPack: () => void },
): AsyncGenerator<PackFault, void> {
  const queue: Promise<PackFault | Error | undefined>[] = [];
  for (let next = 0; ;) {
    for (; queue.length < AHEAD && next < packs.length; next++)
      queue.push(checkPack(deps, packs[next]!, options).catch((error: Error) => error));
    const first = queue.shift();
    if (first === undefined) return;
    const found = await first;
    if (found instanceof Error) throw found;
    options.onPack();
    if (found !== undefined) yield found;
  }
}

async function checkPack(
  deps: Deps,
  { pack, isMarked }: { readonly pack: ObjectId; readonly isMarked: boolean },
  { signal }: CallOptions,
): Promise<PackFault | undefined> {
  const { repository, index } = deps;
  const bytes = await repository.store.get(packName(pack), undefined, { signal });
  const all = (): readonly ItemId[] => [...index.itemsOf(pack)].map(({ id }) => id);
  if (bytes === undefined) return isMarked ? undefined : { pack, message: "is listed, and is not there", items: all() };
  if (sha256Of(bytes) !== pack) {
    giveBack(bytes);
    const items = await unreadable(deps, pack);
    const message =
      items.length > 0
        ? "is not as it was written"
        : "is not as it was written, but all that the index knows of it can be read";
    return { pack, message, items };
  }
  const wrong = await misindexed(deps, pack, bytes);
  giveBack(bytes);
  return wrong.length === 0 ? undefined : { pack, message: "holds something else than the index says", items: wrong };
}

/** Of the items of a pack that is damaged: those that cannot be read of it. */
async function unreadable({ repository, index }: Deps, pack: ObjectId): Promise<readonly ItemId[]> {
  // What others are stored relative to may lie elsewhere.
  const only = (id: ItemId) => {
    const places = index.places(id);
    const here = places.filter((place) => place.pack === pack);
    return here.length > 0 ? here : places;
  };
  const reader = openItemReader(repository, { ...index, places: only });
  const items: ItemId[] = [];
  for (const { id } of index.itemsOf(pack)) {
    try {
      giveBack(await reader.valueById(id));
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "repository-damaged") throw error;
      items.push(id);
    }
  }
  return items;
}

/** Of a pack that is as it was written: what the index says is in it, and is not where it says. A page whose base is gone is none of its
 * faults: it is garbage whose base prune removed first, or a page that a snapshot lacks, which is told as that. */
async function misindexed(
  { repository, index, reader }: Deps,
  pack: ObjectId,
  bytes: Uint8Array,
): Promise<readonly ItemId[]> {
  let lacksBase = false;
  const basePage = async (sha256: string): Promise<Uint8Array | undefined> => {
    try {
      return await reader.pageById(fingerprintOfSha256(sha256));
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "repository-damaged") throw error;
      lacksBase = true;
      return undefined;
    }
  };
  const expected = index.itemsOf(pack)[Symbol.iterator]();
  const wrong: ItemId[] = [];
  let next = expected.next();
  for await (const { number, items } of walkPack(repository, { pack, bytes, basePage })) {
    for (let at = 0; next.done !== true && next.value.place.block === number; at++) {
      if (!lacksBase && items?.[at]?.id !== next.value.id) wrong.push(next.value.id);
      next = expected.next();
    }
    lacksBase = false;
  }
  for (; next.done !== true; next = expected.next()) wrong.push(next.value.id);
  return wrong;
}
