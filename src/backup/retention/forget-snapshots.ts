// Forgets snapshots: removes their objects. What only they needed is freed by a prune.

import pLimit from "p-limit";
import { AppError, visible } from "../../core/errors.ts";
import { sealedName } from "../format/object-names.ts";
import type { ObjectId, Repository } from "../repository/repository.ts";
import { listSnapshotIds, listSnapshots, notFound, type SnapshotSummary } from "../repository/snapshots.ts";
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

function resolveId(repository: Repository, all: readonly ObjectId[], name: string): ObjectId {
  const found = all.filter((id) => name !== "" && id.startsWith(name.toLowerCase()));
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw notFound(repository, `has no snapshot ${visible(name)}`);
  throw new AppError(
    "snapshot-not-found",
    `${found.length} snapshots of ${repository.label} have ids that begin with ${visible(name)}`,
    {
      hint: `write more of the id: ${found
        .slice(0, 3)
        .map((id) => id.slice(0, 12))
        .join(", ")}`,
    },
  );
}
