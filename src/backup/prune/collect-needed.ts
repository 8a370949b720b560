// What snapshots need: their pages, the values of these, and the pages that a page is told as a difference to. Each page is read once,
// however many snapshots have it.

import type { Clock, DurationMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { fingerprintOfSha256 } from "../../core/fingerprint.ts";
import { decodePage } from "../page/page-lines.ts";
import { sealedName } from "../format/object-names.ts";
import type { ItemReader, LoadedIndex, ObjectId, Repository } from "../repository/repository.ts";
import { stillShown, walkSnapshots } from "../repository/snapshots.ts";
import type { CallOptions } from "../store/store.ts";
import type { NeededItems } from "./needed-items.ts";

export interface CollectOptions extends CallOptions {
  readonly clock: Clock;
  /** Snapshots that the caller has just removed: a listing may still show them. */
  readonly forgotten: ReadonlySet<ObjectId>;
  /** How long to wait for a listing that shows a snapshot which is not there. */
  readonly patienceMs: DurationMs;
}

/** Adds the pages of all snapshots that are listed now, and tells how many snapshots that are. Throws AppError
 * "repository-damaged" if one cannot be read, or "store-failed" if the store does not give one that it shows: nobody can tell what it needs. */
export async function collectPages(
  repository: Repository,
  needed: NeededItems,
  options: CollectOptions,
): Promise<number> {
  const { signal } = options;
  let snapshots = 0;
  const absent: ObjectId[] = [];
  for await (const found of walkSnapshots(repository, { signal, onAbsent: (id) => absent.push(id) })) {
    if (found.kind === "problem") {
      throw new AppError(
        "repository-damaged",
        `prune removes nothing, since nobody can tell what a snapshot needs: ${found.problem}`,
        {
          hint: `if the snapshot is lost, forget it: kvsync forget ${repository.label} ${found.id.slice(0, 12)} --force`,
        },
      );
    }
    for (const { id } of found.snapshot.pages) needed.addPage(id);
    snapshots++;
  }
  if (absent.length > 0) await checkForgotten(repository, absent, options);
  return snapshots;
}

/** A snapshot that was listed and could not be got was forgotten meanwhile only if the store shows it in no other way either. A listing that
 * lags behind is waited for. */
async function checkForgotten(
  repository: Repository,
  absent: readonly ObjectId[],
  { clock, signal, forgotten, patienceMs }: CollectOptions,
): Promise<void> {
  const { store, label } = repository;
  const gone: ObjectId[] = [];
  for (const id of absent) {
    const isForgotten = forgotten.has(id) && (await store.head(sealedName("snapshot", id), { signal })) === undefined;
    if (isForgotten) gone.push(id);
  }
  let left: readonly ObjectId[] = absent.filter((id) => !gone.includes(id));
  for (let waitedMs = 0, waitMs = FIRST_WAIT_MS; ; waitedMs += waitMs, waitMs *= 2) {
    left = await stillShown(repository, left, { signal });
    const [id] = left;
    if (id === undefined) return;
    if (waitedMs + waitMs > patienceMs) {
      throw new AppError(
        "store-failed",
        `prune removes nothing, since nobody can tell what a snapshot needs: ${label} shows ${sealedName("snapshot", id)}, and did not give it`,
        {
          hint: "run again later: if the snapshot was forgotten a moment ago, listings may still show it",
          retryable: true,
        },
      );
    }
    await clock.sleep(waitMs, signal);
  }
}

const FIRST_WAIT_MS: DurationMs = 1000;

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
