// Carries out what tidy-index.ts planned: small index objects are written as one, without packs that are gone, and objects that newer ones
// replace are removed.

import type { ByteCount } from "../../core/clock.ts";
import { decodeIndex, type IndexedBlock } from "../format/index-object.ts";
import { sealedName } from "../format/object-names.ts";
import { INDEX_BYTES_MAX, openIndexWriter } from "../repository/index-writer.ts";
import { readSealed } from "../repository/read-object.ts";
import type { ObjectId, Repository } from "../repository/repository.ts";
import type { IndexPlan } from "./tidy-index.ts";

interface Options {
  readonly isThere: (pack: ObjectId) => boolean;
  readonly signal?: AbortSignal | undefined;
}

export async function applyIndexPlan(repository: Repository, plan: IndexPlan, options: Options): Promise<void> {
  const { signal } = options;
  const writer = openIndexWriter(repository, { signal });
  const seen = new Set<ObjectId>();
  for (const { id } of plan.merge) {
    const plain = await readSealed(repository, "index", id, { signal });
    // Another prune has removed it since.
    if (plain === undefined) continue;
    for (const pack of packsOf(plain)) {
      if (seen.has(pack.pack) || !options.isThere(pack.pack)) continue;
      seen.add(pack.pack);
      writer.add(pack);
      if (writer.waiting >= INDEX_BYTES_MAX) await writer.write();
    }
  }
  await writer.write();
  for (const { id } of plan.remove) await repository.store.remove(sealedName("index", id), { signal });
}

interface WholePack {
  readonly pack: ObjectId;
  readonly size: ByteCount;
  readonly blocks: IndexedBlock[];
}

function packsOf(plain: Uint8Array): readonly WholePack[] {
  const packs: WholePack[] = [];
  for (const line of decodeIndex(plain)) {
    if (line === undefined) break;
    if (line.kind === "pack") packs.push({ pack: line.pack, size: line.size, blocks: [] });
    else packs.at(-1)!.blocks.push(line.block);
  }
  return packs;
}
