// The snapshots of a repository. One that is damaged is told, and the others are as good as before.

import { AppError, visible } from "../../core/errors.ts";
import { CONFIG_NAME, FOLDERS, idOfName, parseObjectId, sealedName } from "../format/object-names.ts";
import { decodeConfig } from "../format/config-object.ts";
import { damaged } from "../format/damage.ts";
import { decodeSnapshot, encodeSnapshot } from "../format/snapshot-object.ts";
import type { CallOptions } from "../store/store.ts";
import type { SnapshotWriter } from "./open-item-writer.ts";
import { readSealed, writeSealed } from "./read-object.ts";
import type { ObjectId, Repository, Snapshot, StoredSnapshot } from "./repository.ts";

/** Without its pages: there may be many snapshots, and many pages of each. */
export type SnapshotSummary = Omit<StoredSnapshot, "pages">;

export interface SnapshotList {
  /** The earliest `created` first. Where a clock was wrong that is not the order in which they were made: snapshot-times.ts. */
  readonly snapshots: readonly SnapshotSummary[];
  /** A line for each object that is damaged, or that the store shows and does not give: `snapshots/ab12... is not as it was written`. */
  readonly problems: readonly string[];
}

export type SnapshotFound =
  | { readonly kind: "snapshot"; readonly snapshot: StoredSnapshot }
  /** `isAbsent`: the store shows it and does not give it; else it is damaged. */
  | { readonly kind: "problem"; readonly id: ObjectId; readonly problem: string; readonly isAbsent: boolean };

const AHEAD = 4;

export async function listSnapshotIds({ store }: Repository, options?: CallOptions): Promise<readonly ObjectId[]> {
  const ids: ObjectId[] = [];
  for await (const page of store.list(FOLDERS.snapshots, options)) {
    for (const { name } of page) {
      const id = idOfName(name);
      if (id !== undefined) ids.push(id);
    }
  }
  return ids.sort();
}

/** Whether snapshots are still there that were listed and could not be got: a second listing shows them, or the store tells their size.
 * Those that it shows in some way. */
export async function stillShown(
  repository: Repository,
  ids: readonly ObjectId[],
  options?: CallOptions,
): Promise<readonly ObjectId[]> {
  if (ids.length === 0) return [];
  const listed = new Set(await listSnapshotIds(repository, options));
  const shown: ObjectId[] = [];
  for (const id of ids) {
    const isShown = listed.has(id) || (await repository.store.head(sealedName("snapshot", id), options)) !== undefined;
    if (isShown) shown.push(id);
  }
  return shown;
}

export interface WalkOptions extends CallOptions {
  /** Is told of each that was listed and could not be got, whether it was removed meanwhile or not; else those are told as problems that the
   * store still shows then. */
  readonly onAbsent?: (id: ObjectId) => void;
}

/** All snapshots, in the order of their ids. One that is removed meanwhile is left out. */
export async function* walkSnapshots(
  repository: Repository,
  options?: WalkOptions,
): AsyncGenerator<SnapshotFound, void> {
  const absent: ObjectId[] = [];
  const onAbsent = options?.onAbsent ?? ((id: ObjectId) => absent.push(id));
  yield* walkListed(repository, onAbsent, options);
  for (const id of await stillShown(repository, absent, options)) {
    const problem = `${repository.label} shows ${sealedName("snapshot", id)}, and did not give it: it may have been forgotten a moment ago`;
    yield { kind: "problem", id, problem, isAbsent: true };
  }
}

async function* walkListed(
  repository: Repository,
  onAbsent: (id: ObjectId) => void,
  options?: CallOptions,
): AsyncGenerator<SnapshotFound, void> {
  const ids = await listSnapshotIds(repository, options);
  const queue: Promise<SnapshotFound | Error | ObjectId>[] = [];
  for (let next = 0; ;) {
    for (; queue.length < AHEAD && next < ids.length; next++)
      queue.push(findOrTell(repository, ids[next]!, options).catch((error: Error) => error));
    const first = queue.shift();
    if (first === undefined) return;
    const found = await first;
    if (found instanceof Error) throw found;
    if (typeof found === "string") onAbsent(found);
    else yield found;
  }
}

/** Its id: it could not be got. */
async function findOrTell(
  repository: Repository,
  id: ObjectId,
  options?: CallOptions,
): Promise<SnapshotFound | ObjectId> {
  try {
    const snapshot = await readStored(repository, id, options);
    return snapshot === undefined ? id : { kind: "snapshot", snapshot };
  } catch (error) {
    if (!(error instanceof AppError) || !TOLD.has(error.code)) throw error;
    return { kind: "problem", id, problem: error.message, isAbsent: false };
  }
}

const TOLD = new Set(["repository-damaged", "repository-refused"]);

async function readStored(
  repository: Repository,
  id: ObjectId,
  options?: CallOptions,
): Promise<StoredSnapshot | undefined> {
  const plain = await readSealed(repository, "snapshot", id, options);
  if (plain === undefined) return undefined;
  const snapshot = decodeSnapshot(plain);
  const name = sealedName("snapshot", id);
  if (snapshot === undefined) throw damaged(name, "is not as kvsync writes one", { repository: repository.label });
  if (snapshot === "newer") {
    throw new AppError("repository-refused", `${name} is of a newer version of kvsync`, {
      hint: "read it with a newer kvsync",
    });
  }
  return { ...snapshot, id };
}

export async function listSnapshots(repository: Repository, options?: CallOptions): Promise<SnapshotList> {
  const snapshots: SnapshotSummary[] = [];
  const problems: string[] = [];
  for await (const found of walkSnapshots(repository, options)) {
    if (found.kind === "problem") problems.push(found.problem);
    else {
      const { pages: _, ...summary } = found.snapshot;
      snapshots.push(summary);
    }
  }
  return { snapshots: snapshots.sort(byCreated), problems };
}

function byCreated(a: SnapshotSummary, b: SnapshotSummary): number {
  return Date.parse(a.created) - Date.parse(b.created) || (a.id < b.id ? -1 : 1);
}

/** `id`: all of it, or how it begins, if only one does. Throws AppError "snapshot-not-found". */
export async function readSnapshot(repository: Repository, id: string, options?: CallOptions): Promise<StoredSnapshot> {
  // A listing may lag behind; what a store is asked for by its name it finds.
  const full = parseObjectId(id) ?? resolveId(repository, await listSnapshotIds(repository, options), id);
  const snapshot = await readStored(repository, full, options);
  if (snapshot === undefined) throw notFound(repository, `has no snapshot ${visible(id)}`);
  return snapshot;
}

/** The one of `all` whose id begins with `id`. Throws AppError "snapshot-not-found" if none does, or several. */
export function resolveId(repository: Repository, all: readonly ObjectId[], id: string): ObjectId {
  const ids = all.filter((other) => other.startsWith(id.toLowerCase()));
  if (ids.length === 1 && id.length > 0) return ids[0]!;
  if (ids.length === 0) throw notFound(repository, `has no snapshot ${visible(id)}`);
  const shown = ids.slice(0, SHOWN_MAX).map((other) => other.slice(0, SHORT_CHARS));
  throw notFound(repository, `has ${ids.length} snapshots whose ids begin with "${visible(id)}": ${shown.join(", ")}`);
}

const SHOWN_MAX = 5;
const SHORT_CHARS = 12;

export function notFound({ label }: Repository, why: string): AppError {
  return new AppError("snapshot-not-found", `${label} ${why}`, { hint: `see what it has: kvsync snapshots ${label}` });
}

/** Stores `snapshot`, whose pages and values `writer` has just stored or relies on (`finish`). Throws AppError
 * "repository-refused" if they may be gone by the time it is stored: then it is in no repository, unless another run wrote the same one. */
export async function writeSnapshot(
  repository: Repository,
  writer: SnapshotWriter,
  snapshot: Snapshot,
  options?: CallOptions,
): Promise<StoredSnapshot> {
  const { store } = repository;
  // A store that takes no conditions lets two who create a repository at once write one config over the other.
  const config = await store.get(CONFIG_NAME, undefined, options);
  const found = config && decodeConfig(config, repository.label);
  if (found?.id !== repository.id) {
    throw new AppError(
      "repository-refused",
      `${repository.label} is another repository than it was when this run began`,
      {
        hint: "start it again",
      },
    );
  }
  await writer.checkFinished();
  const { id, isNew } = await writeSealed(repository, "snapshot", encodeSnapshot(snapshot), options);
  try {
    const written = await store.head(sealedName("snapshot", id), options);
    await writer.checkFinished(written?.modified);
  } catch (error) {
    // One that was there already is another run's, which may have reported it: a copy of a snapshot has the same bytes each time.
    // Whoever is stopped removes its own all the same. If that fails too, the first failure is what the caller has to know.
    if (isNew) await store.remove(sealedName("snapshot", id)).catch(() => {});
    throw error;
  }
  return { ...snapshot, id };
}
