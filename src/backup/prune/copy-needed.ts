// Copies what snapshots need of packs that are marked, or are about to be, into new packs. Each item is held against its hash on the way.

import { sha256Of } from "../../core/fingerprint.ts";
import { giveBack } from "../../core/give-back.ts";
import type { ItemId, ItemReader, ItemWriter, LoadedIndex, ObjectId } from "../repository/repository.ts";
import type { NeededItem, NeededItems } from "./needed-items.ts";

interface Deps {
  readonly index: LoadedIndex;
  readonly reader: ItemReader;
  readonly writer: ItemWriter;
  readonly needed: NeededItems;
  /** No item of these is to be relied on. */
  readonly isMarked: (pack: ObjectId) => boolean;
}

/** From `packs`, in the order in which the items lie there. Who calls it finishes the writer. Throws AppError "repository-damaged" if an
 * item can be read nowhere. */
export async function copyNeeded(
  deps: Deps,
  packs: readonly ObjectId[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { index, needed, writer } = deps;
  const whole = new Set<ItemId>();
  // Pages that others are told as differences to go first: these can then be told so again.
  for (const isBase of [true, false]) {
    for (const pack of packs) {
      for (const { id } of index.itemsOf(pack)) {
        const item = needed.get(id);
        if (item === undefined || item.isBase !== isBase || whole.has(id)) continue;
        signal?.throwIfAborted();
        if (isBase) {
          whole.add(id);
          // Where only the difference is stored safely, the writer would leave it at that.
          if (!isStoredWhole(deps, id)) writer.distrust(id);
        }
        if (!writer.rely(id)) await copyItem(deps, id, item);
      }
    }
  }
}

function isStoredWhole({ index, isMarked }: Deps, id: ItemId): boolean {
  return index.places(id).some(({ pack, base }) => base === undefined && !isMarked(pack));
}

async function copyItem({ index, reader, writer }: Deps, id: ItemId, { kind, isBase }: NeededItem): Promise<void> {
  const bytes = await reader.valueById(id);
  if (kind === "value") {
    await writer.putValue(bytes, sha256Of(bytes));
    return giveBack(bytes);
  }
  const base = isBase ? undefined : index.places(id).find((place) => place.base !== undefined)?.base;
  const near = base && (await reader.valueById(base));
  return writer.putPage(bytes, sha256Of(bytes), near && { sha256: sha256Of(near), bytes: near });
}
