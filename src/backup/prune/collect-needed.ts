// What snapshots need: their pages, the values of these, and the pages that a page is told as a difference to. Each page is read once,
// however many snapshots have it.

import { AppError } from "../../core/errors.ts";
import { fingerprintOfSha256 } from "../../core/fingerprint.ts";
import { decodePage } from "../page/page-lines.ts";
import { sealedName } from "../format/object-names.ts";
import type { ItemReader, LoadedIndex, ObjectId, Repository } from "../repository/repository.ts";
import { listSnapshotIds, walkSnapshots } from "../repository/snapshots.ts";
import type { CallOptions } from "../store/store.ts";
import type { NeededItems } from "./needed-items.ts";

/** Adds the pages of all snapshots that are listed now, and tells how many snapshots that are. Throws AppError
 * "repository-damaged" if one cannot be read, or "store-failed" if the store does not give one that it shows: nobody can tell what it needs. */
export async function collectPages(repository: Repository, needed: NeededItems, options: CallOptions): Promise<number> {
  let snapshots = 0;
  const absent: ObjectId[] = [];
  for await (const found of walkSnapshots(repository, { ...options, onAbsent: (id) => absent.push(id) })) {
    if (found.kind === "problem") {
      throw new AppError(
        "repository-damaged",
        `prune removes nothing, since nobody can tell what a snapshot needs: ${found.problem}`,
        {
          hint: `if the snapshot is lost, forget it: kvsync forget ${repository.label} ${found.id.slice(0, 12)}`,
        },
      );
    }
    for (const { id } of found.snapshot.pages) needed.addPage(id);
    snapshots++;
  }
  if (absent.length > 0) await checkForgotten(repository, absent, options);
  return snapshots;
}

/** A snapshot that was listed and could not be got was forgotten meanwhile only if the store shows it in no other way either. */
async function checkForgotten(
  repository: Repository,
  absent: readonly ObjectId[],
  options: CallOptions,
): Promise<void> {
  const { store, label } = repository;
  const listed = new Set(await listSnapshotIds(repository, options));
  for (const id of absent) {
    const name = sealedName("snapshot", id);
    if (!listed.has(id) && (await store.head(name, options)) === undefined) continue;
    throw new AppError(
      "store-failed",
      `prune removes nothing, since nobody can tell what a snapshot needs: ${label} shows ${name}, and did not give it`,
      {
        hint: "run again later: if the snapshot was forgotten a moment ago, listings may still show it",
        retryable: true,
      },
    );
  }
}

interface Deps {
  readonly index: LoadedIndex;
  readonly reader: ItemReader;
  readonly needed: NeededItems;
}

/** Adds what the pages tell. Throws AppError "repository-damaged" if one cannot be read. */
export async function collectItems(
  { index, reader, needed }: Deps,
  { signal, onPage }: CallOptions & { readonly onPage: () => void },
): Promise<void> {
  for (const sha256 of needed.pages()) {
    signal?.throwIfAborted();
    for (const entry of decodePage(await reader.page(sha256))) needed.addValue(fingerprintOfSha256(entry.sha256));
    for (const { base } of index.places(fingerprintOfSha256(sha256))) if (base !== undefined) needed.addBase(base);
    onPage();
  }
}
