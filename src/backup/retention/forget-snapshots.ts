// Forgets snapshots: removes their objects. What only they needed is freed by a prune.

import pLimit from "p-limit";
import { sealedName } from "../format/object-names.ts";
import type { ObjectId, Repository } from "../repository/repository.ts";
import { listSnapshotIds, listSnapshots, resolveId, type SnapshotSummary } from "../repository/snapshots.ts";
import { STORE_CALLS, type CallOptions } from "../store/store.ts";
import { sourceKey } from "./decide-retention.ts";

export async function forgetSnapshots(
  { store }: Repository,
  ids: readonly ObjectId[],
  { signal }: CallOptions,
): Promise<void> {
  const limit = pLimit(STORE_CALLS);
  await limit.map(ids, (id) => store.remove(sealedName("snapshot", id), { signal }));
}

export interface NamedForForgetting {
  readonly id: ObjectId;
  /** Undefined: it cannot be read. */
  readonly snapshot: SnapshotSummary | undefined;
  /** It, or with it others that were named, is all that is complete of its source. */
  readonly isLastComplete: boolean;
}

/** The snapshots whose ids begin so. Throws AppError "snapshot-not-found" if one is none's, or that of several. */
export async function findForForgetting(
  repository: Repository,
  names: readonly string[],
  options: CallOptions,
): Promise<readonly NamedForForgetting[]> {
  const all = await listSnapshotIds(repository, options);
  const ids = new Set(names.map((name) => resolveId(repository, all, name)));
  const { snapshots } = await listSnapshots(repository, options);
  const left = new Set(snapshots.filter(({ id, complete }) => complete && !ids.has(id)).map(sourceKey));
  return [...ids].map((id) => {
    const snapshot = snapshots.find((each) => each.id === id);
    return { id, snapshot, isLastComplete: snapshot?.complete === true && !left.has(sourceKey(snapshot)) };
  });
}
