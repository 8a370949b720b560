// Snapshots of one repository into another: those that it lacks, from the oldest on, each with all it needs before it is written. What
// the destination has already is not read. Every value and page is held against its hash on the way; keys and stores may differ.
//
// A copy that is broken off has lost nothing: what it stored is found when it is run again.

import type { ByteCount } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { fingerprintOfSha256, sha256Of } from "../../core/fingerprint.ts";
import { giveBack } from "../../core/give-back.ts";
import { sealedName } from "../format/object-names.ts";
import { decodePage } from "../page/page-lines.ts";
import type { SnapshotWriter } from "../repository/open-item-writer.ts";
import type {
  ItemReader,
  LoadedIndex,
  ObjectId,
  PageEntry,
  Repository,
  StoredSnapshot,
} from "../repository/repository.ts";
import {
  listSnapshots,
  readSnapshot,
  type SnapshotSummary,
  walkSnapshots,
  writeSnapshot,
} from "../repository/snapshots.ts";
import { parentsFirst } from "../repository/snapshot-times.ts";
import { snapshotIdentity } from "./snapshot-identity.ts";

export interface CopySource {
  readonly repository: Repository;
  /** Called after the snapshots are listed: an index that was read before lacks what a backup beside this wrote for one of them. */
  open(): Promise<SourceItems>;
}

interface SourceItems {
  readonly index: LoadedIndex;
  readonly reader: ItemReader;
}

export interface CopyDestination {
  readonly repository: Repository;
  /** Stays the caller's. */
  readonly writer: SnapshotWriter;
}

export interface CopyOptions {
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
  /** A snapshot is there, as a copy. */
  readonly onSnapshot?: (from: SnapshotSummary, to: ObjectId | undefined) => void;
  /** A snapshot cannot be copied: the others are. */
  readonly onFailure: (what: { readonly snapshot: SnapshotSummary | undefined; readonly error: AppError }) => void;
  readonly onProgress?: (progress: {
    readonly snapshots: number;
    readonly total: number;
    readonly bytesRead: ByteCount;
  }) => void;
}

export interface CopyReport {
  /** In the source, without those that were forgotten meanwhile. */
  readonly snapshots: number;
  /** That the destination had already. */
  readonly present: number;
  readonly copied: number;
  readonly failed: number;
  /** Values that were read, and their bytes. */
  readonly values: number;
  readonly bytesRead: ByteCount;
}

/** `destination`: undefined on a dry run into a repository that is not there. Throws what the stores fail with; what is damaged in the source is told by `onFailure`. */
export async function copyRepository(
  source: CopySource,
  destination: CopyDestination | undefined,
  options: CopyOptions,
): Promise<CopyReport> {
  const { signal, onFailure, onProgress } = options;
  if (source.repository.id === destination?.repository.id) {
    throw new AppError("usage", `${source.repository.label} and ${destination.repository.label} are one repository`);
  }
  const there =
    destination === undefined ? new Map<string, ObjectId>() : await copiesIn(destination.repository, signal);
  const { snapshots: listed, problems } = await listSnapshots(source.repository, { signal });
  // A copy names the copy of its parent, by which the order is known in which snapshots were made.
  const snapshots = parentsFirst(listed);
  for (const problem of problems) {
    onFailure({ snapshot: undefined, error: new AppError("repository-damaged", problem) });
  }
  const items = await source.open();
  const total = snapshots.length;
  const counts = { present: 0, copied: 0, failed: problems.length, values: 0, bytesRead: 0 };
  let forgotten = 0;
  /** Of the destination, by the id in the source. */
  const copies = new Map<ObjectId, ObjectId>();
  for (const [done, summary] of snapshots.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ snapshots: done, total, bytesRead: counts.bytesRead });
    const known = there.get(snapshotIdentity(summary));
    if (known !== undefined) {
      copies.set(summary.id, known);
      counts.present++;
      continue;
    }
    try {
      const onRead = (bytes: ByteCount): void => {
        counts.values++;
        counts.bytesRead += bytes;
        onProgress?.({ snapshots: done, total, bytesRead: counts.bytesRead });
      };
      const id =
        options.dryRun || destination === undefined
          ? undefined
          : await copySnapshot({ ...items, repository: source.repository }, destination, summary, {
              copies,
              signal,
              onRead,
            });
      if (id !== undefined) copies.set(summary.id, id);
      counts.copied++;
      options.onSnapshot?.(summary, id);
    } catch (error) {
      if (!(error instanceof AppError) || !OF_ONE_SNAPSHOT.has(error.code)) throw error;
      if (await isForgotten(source.repository, summary, signal)) {
        forgotten++;
        continue;
      }
      counts.failed++;
      onFailure({ snapshot: summary, error });
    }
  }
  return { snapshots: total + problems.length - forgotten, ...counts };
}

const OF_ONE_SNAPSHOT: ReadonlySet<string> = new Set(["repository-damaged", "snapshot-not-found"]);

/** Whether somebody forgot the snapshot since it was listed: it is no longer one of the source's then, and what it needed may be gone too. */
async function isForgotten(
  { store }: Repository,
  { id }: SnapshotSummary,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  return (await store.head(sealedName("snapshot", id), { signal })) === undefined;
}

async function copiesIn(
  repository: Repository,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, ObjectId>> {
  const found = new Map<string, ObjectId>();
  for await (const each of walkSnapshots(repository, { signal })) {
    if (each.kind === "snapshot") found.set(snapshotIdentity(each.snapshot), each.snapshot.id);
  }
  return found;
}

interface OneCopy {
  readonly copies: ReadonlyMap<ObjectId, ObjectId>;
  readonly signal: AbortSignal | undefined;
  readonly onRead: (bytes: ByteCount) => void;
}

async function copySnapshot(
  source: SourceItems & Pick<CopySource, "repository">,
  destination: CopyDestination,
  { id }: SnapshotSummary,
  { copies, signal, onRead }: OneCopy,
): Promise<ObjectId> {
  const snapshot = await readSnapshot(source.repository, id, { signal });
  const { repository, writer } = destination;
  for (const page of snapshot.pages) {
    signal?.throwIfAborted();
    await copyPage(source, writer, page.id, onRead);
  }
  await writer.finish();
  const { id: _, ...facts } = snapshot;
  const parent = snapshot.parent === null ? null : (copies.get(snapshot.parent) ?? null);
  return (await writeSnapshot(repository, writer, { ...facts, parent }, { signal })).id;
}

async function copyPage(
  { index, reader }: SourceItems,
  writer: SnapshotWriter,
  id: StoredSnapshot["pages"][number]["id"],
  onRead: (bytes: ByteCount) => void,
): Promise<void> {
  const bytes = await reader.page(id);
  const missing = decodePage(bytes).filter(({ sha256 }) => !writer.rely(fingerprintOfSha256(sha256)));
  for (const batch of batchesOf(inOrderOfPlace(index, missing))) {
    const values = await Promise.all(batch.map(({ sha256, size }) => reader.value(sha256, size)));
    for (const [at, value] of values.entries()) {
      onRead(value.byteLength);
      await writer.putValue(value, batch[at]!.sha256);
      giveBack(value);
    }
  }
  if (writer.rely(fingerprintOfSha256(id))) return;
  const base = index.places(fingerprintOfSha256(id)).find((place) => place.base !== undefined)?.base;
  const near = base && (await reader.pageById(base));
  await writer.putPage(bytes, id, near && { sha256: sha256Of(near), bytes: near });
}

/** So much is read beside each other, and no more than so many. */
const BATCH_BYTES_MAX: ByteCount = 16_777_216;
const BATCH_VALUES_MAX = 64;

/** Each value once. */
function* batchesOf(entries: readonly PageEntry[]): Generator<readonly PageEntry[], void> {
  let batch: PageEntry[] = [];
  let bytes = 0;
  const seen = new Set<string>();
  for (const entry of entries) {
    if (seen.has(entry.sha256)) continue;
    seen.add(entry.sha256);
    if (batch.length === BATCH_VALUES_MAX || (batch.length > 0 && bytes + entry.size > BATCH_BYTES_MAX)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(entry);
    bytes += entry.size;
  }
  if (batch.length > 0) yield batch;
}

/** As they lie in the packs of the source: each of its blocks is then read once. */
function inOrderOfPlace(index: LoadedIndex, entries: readonly PageEntry[]): readonly PageEntry[] {
  const placed = entries.map((entry) => {
    const place = index.places(fingerprintOfSha256(entry.sha256))[0];
    return { entry, pack: place?.pack ?? "", at: place?.at ?? 0, offset: place?.offset ?? 0 };
  });
  placed.sort((a, b) => (a.pack === b.pack ? a.at - b.at || a.offset - b.offset : a.pack < b.pack ? -1 : 1));
  return placed.map(({ entry }) => entry);
}
