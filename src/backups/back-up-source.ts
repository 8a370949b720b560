// One source into one snapshot: what it was the last time is found, what is new is read and stored, and the snapshot is written. Commands
// and the daemon go this one road.

import { sourceKey } from "../backup/retention/decide-retention.ts";
import type { Snapshot, StoredSnapshot } from "../backup/repository/repository.ts";
import { readSnapshot, type SnapshotSummary, writeSnapshot } from "../backup/repository/snapshots.ts";
import { takeSnapshot, type TakenSnapshot, type TakeOptions } from "../backup/snapshot/take-snapshot.ts";
import { newestOf } from "../backup/repository/snapshot-times.ts";
import type { ByteCount, Clock, EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { OpenLocation } from "../mapping/open-location.ts";
import { tellEmpty } from "../mapping/tell-empty.ts";
import { viewSource } from "../mapping/source-view.ts";
import type { BackupFilter } from "./backup-filter.ts";
import { filterOf, sourceOf } from "./backup-source.ts";
import type { UsedRepository } from "./used-repository.ts";

/** The snapshots that a repository has, to which those of this run are added. */
export interface KnownSnapshots {
  readonly list: SnapshotSummary[];
}

export interface BackUpDeps {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Of kvsync. */
  readonly version: string;
  readonly used: UsedRepository;
  /** Takes the new snapshot, too. */
  readonly known: KnownSnapshots;
}

export interface SourceRequest {
  readonly filter: BackupFilter;
  /** Of a folder: leave out .git, .env and the like. */
  readonly excludeDefaults: boolean;
  /** An empty source is a failure, or is one where its last snapshot was not empty. */
  readonly failEmpty: boolean | "if-it-had-keys";
  readonly tags: readonly string[];
  /** No snapshot of what is as it was in the last one of those that `ownOf` leaves. */
  readonly skipUnchanged: boolean;
  /** Those that nobody else's rules forget. */
  readonly ownOf: (snapshots: readonly SnapshotSummary[]) => readonly SnapshotSummary[];
  /** Read every value, whatever its stamp says. */
  readonly readsAll: boolean;
}

export interface BackUpEvents extends Pick<TakeOptions, "onProblem" | "onListed" | "onProgress"> {
  /** `isFirst`: the repository has no complete snapshot of the source. */
  readonly onBegin?: (isFirst: boolean) => void;
}

export interface BackedUp {
  readonly taken: TakenSnapshot;
  /** Undefined: nothing had changed, and no snapshot was made. */
  readonly stored: StoredSnapshot | undefined;
  readonly storedBytes: ByteCount;
}

/** Throws AppError "source-empty", and what the repository and the source fail with. */
export async function backUpSource(
  deps: BackUpDeps,
  source: OpenLocation,
  request: SourceRequest,
  events: BackUpEvents,
): Promise<BackedUp> {
  const { clock, signal, used, known } = deps;
  const { filter, excludeDefaults } = request;
  const about = { source: sourceOf(source), filter: filterOf(source, filter, excludeDefaults) };
  const parent = await readParent(deps, about);
  const before = used.storedBytes();
  events.onBegin?.(parent === undefined);
  const { onProblem, onListed, onProgress } = events;
  const taken = await takeSnapshot(
    { clock, reader: await used.reader(), writer: await used.writer(), parent },
    {
      source: viewSource(source, clock, { isManaged: filter.isManaged, excludeDefaults }),
      readsAll: request.readsAll,
      signal,
      onProblem,
      ...(onListed !== undefined && { onListed }),
      onProgress,
    },
  );
  const failsEmpty = request.failEmpty === "if-it-had-keys" ? (parent?.entries ?? 0) > 0 : request.failEmpty;
  if (taken.entries === 0 && taken.complete && failsEmpty) throw await emptySource(source, filter);
  const isSkipped = request.skipUnchanged && taken.complete && (await isAsBefore(deps, request, about, taken));
  const stored = isSkipped ? undefined : await store(deps, { ...about, tags: request.tags, taken, parent });
  if (stored !== undefined) known.list.push(stored);
  else if (taken.hasPut) await used.keepStored();
  return { taken, stored, storedBytes: used.storedBytes() - before };
}

async function isAsBefore(
  { used, known, signal }: BackUpDeps,
  { ownOf }: SourceRequest,
  about: Pick<Snapshot, "source" | "filter">,
  { root }: TakenSnapshot,
): Promise<boolean> {
  const last = await parentOf(ownOf(known.list), about, () => used.repository.store.now({ signal }));
  return last?.root === root;
}

/** The last complete snapshot of the same source and filter that nobody has forgotten since they were listed. */
async function readParent(
  { used, known, signal }: BackUpDeps,
  about: Pick<Snapshot, "source" | "filter">,
): Promise<StoredSnapshot | undefined> {
  for (;;) {
    const summary = await parentOf(known.list, about, () => used.repository.store.now({ signal }));
    if (summary === undefined) return undefined;
    try {
      return await readSnapshot(used.repository, summary.id, { signal });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "snapshot-not-found") throw error;
      known.list.splice(known.list.indexOf(summary), 1);
    }
  }
}

/** The last complete snapshot of the same source and filter; undefined: there is none. `now`: by the store's clock. */
async function parentOf<S extends SnapshotSummary>(
  snapshots: readonly S[],
  about: Pick<Snapshot, "source" | "filter">,
  now: () => Promise<EpochMs>,
): Promise<S | undefined> {
  const key = sourceKey(about);
  const own = snapshots.filter((other) => other.complete && sourceKey(other) === key);
  return own.length <= 1 ? own[0] : newestOf(own, await now());
}

async function store(
  { signal, used, version }: BackUpDeps,
  {
    source,
    filter,
    tags,
    taken,
    parent,
  }: Pick<Snapshot, "source" | "filter" | "tags"> & {
    readonly taken: TakenSnapshot;
    readonly parent: StoredSnapshot | undefined;
  },
): Promise<StoredSnapshot> {
  const { repository } = used;
  const writer = await used.writer();
  await writer.finish();
  const { listed, complete, problems, entries, bytes, root, pages } = taken;
  return writeSnapshot(repository, writer, {
    created: new Date(await repository.store.now({ signal })).toISOString(),
    by: `kvsync ${version}`,
    tags,
    source,
    filter,
    listed,
    complete,
    problems,
    entries,
    bytes,
    root,
    parent: parent?.id ?? null,
    pages,
  });
}

async function emptySource(source: OpenLocation, { record }: BackupFilter): Promise<AppError> {
  const { message, hint } = await tellEmpty(source, record !== null);
  return new AppError("source-empty", `${message}: no snapshot was made`, {
    hint: `${hint}; if it may be empty, back it up by hand with --no-fail-empty`,
  });
}
