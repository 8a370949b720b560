// Carries out what tidy-index.ts planned: small index objects are written as one, without packs that are gone, and objects that newer ones
// replace are removed.

import { packsOf } from "../format/index-object.ts";
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
