// The snapshots of a repository. One that is damaged is told, and the others are as good as before.

import { AppError, visible } from "../../core/errors.ts";
import { CONFIG_NAME, FOLDERS, idOfName, sealedName } from "../format/object-names.ts";
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
  /** The oldest first, by when their listings ended. */
  readonly snapshots: readonly SnapshotSummary[];
  /** A line for each object that is damaged: `snapshots/ab12... is not as it was written`. */
  readonly problems: readonly string[];
}

export type SnapshotFound =
  | { readonly kind: "snapshot"; readonly snapshot: StoredSnapshot }
  | { readonly kind: "problem"; readonly id: ObjectId; readonly problem: string };

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

export interface WalkOptions extends CallOptions {
  /** Told of each that was listed and could not be got: it was removed meanwhile, or the store was wrong. */
  readonly onAbsent?: (id: ObjectId) => void;
}

/** All snapshots, in the order of their ids. One that is removed meanwhile is left out. */
export async function* walkSnapshots(
  repository: Repository,
  options?: WalkOptions,
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
    if (typeof found === "string") options?.onAbsent?.(found);
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
    return { kind: "problem", id, problem: error.message };
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
  if (snapshot === undefined) throw damaged(name, "is not as kvsync writes one");
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
  return { snapshots: snapshots.sort(byTime), problems };
}

function byTime(a: SnapshotSummary, b: SnapshotSummary): number {
  return timeOf(a) - timeOf(b) || (a.id < b.id ? -1 : 1);
}

/** When what it shows was so, in milliseconds since 1970: when its listing ended, or else when it was made. */
export function timeOf({ listed, created }: Pick<Snapshot, "listed" | "created">): number {
  return Date.parse(listed[1] ?? created);
}

/** `id`: all of it, or how it begins, if only one does. Throws AppError "snapshot-not-found". */
export async function readSnapshot(repository: Repository, id: string, options?: CallOptions): Promise<StoredSnapshot> {
  const full = await resolveId(repository, id, options);
  const snapshot = await readStored(repository, full, options);
  if (snapshot === undefined) throw notFound(repository, `has no snapshot ${visible(id)}`);
  return snapshot;
}

async function resolveId(repository: Repository, id: string, options?: CallOptions): Promise<ObjectId> {
  const ids = (await listSnapshotIds(repository, options)).filter((other) => other.startsWith(id.toLowerCase()));
  if (ids.length === 1 && id.length > 0) return ids[0]!;
  const shown = ids.slice(0, SHOWN_MAX).map((other) => other.slice(0, SHORT_CHARS));
  if (ids.length === 0) throw notFound(repository, `has no snapshot ${visible(id)}`);
  throw notFound(repository, `has ${ids.length} snapshots whose ids begin with ${visible(id)}: ${shown.join(", ")}`);
}

const SHOWN_MAX = 5;
const SHORT_CHARS = 12;

export function notFound({ label }: Repository, why: string): AppError {
  return new AppError("snapshot-not-found", `${label} ${why}`, { hint: `see what it has: kvsync snapshots ${label}` });
}

/** Stores `snapshot`, whose pages and values `writer` has just stored or relies on (`finish`). Throws AppError
 * "repository-refused" if they may be gone by the time it is stored: then it is in no repository. */
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
  const id = await writeSealed(repository, "snapshot", encodeSnapshot(snapshot), options);
  try {
    const written = await store.head(sealedName("snapshot", id), options);
    await writer.checkFinished(written?.modified);
  } catch (error) {
    // Whoever is stopped removes it all the same. If that fails too, the first failure is what the caller has to know.
    await store.remove(sealedName("snapshot", id)).catch(() => {});
    throw error;
  }
  return { ...snapshot, id };
}
