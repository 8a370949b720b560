// A repository in use, by a command or the daemon: its passphrase is read, or asked for, where it has one, and its index loaded when
// something is first read or stored.

import { dirname } from "node:path";
import { openRepository, PASSPHRASE_HINT } from "../backup/repository/open-repository.ts";
import { createRepository } from "../backup/repository/create-repository.ts";
import { loadIndex, type ScratchIndex } from "../backup/repository/load-index.ts";
import { openItemReader } from "../backup/repository/open-item-reader.ts";
import { openItemWriter, type SnapshotWriter } from "../backup/repository/open-item-writer.ts";
import { CONFIG_NAME } from "../backup/format/object-names.ts";
import type { ItemReader, Repository } from "../backup/repository/repository.ts";
import { repositoryAround } from "./repository-around.ts";
import { openStore, type RepositoryPlace } from "../backup/store/open-store.ts";
import type { StoreEvents } from "../backup/store/store.ts";
import { readTextFile } from "../config/read-file.ts";
import type { Environment } from "../config/yaml-source.ts";
import type { ByteCount, Clock } from "../core/clock.ts";
import { AppError, visible } from "../core/errors.ts";
import { type PassphraseDeps, readPassphrase } from "./passphrase.ts";
import { type WatchedStore, watchStore } from "./watch-store.ts";

export interface UsedRepository {
  readonly repository: Repository;
  /** As it was typed, or as the config names it. */
  readonly label: string;
  /** It was made just now. */
  readonly isNew: boolean;
  /** Where it lies on disk; undefined: in object storage. */
  readonly folder: string | undefined;
  index(): Promise<ScratchIndex>;
  reader(): Promise<ItemReader>;
  /** The same each time. It is not stopped by the command's signal: who is stopped finishes what was begun. */
  writer(): Promise<SnapshotWriter>;
  /** What the writer has stored up to now. */
  storedBytes(): ByteCount;
  /** Requests to object storage up to now, those that were sent again too; undefined: it lies in a folder. */
  storeRequests(): number | undefined;
  /** Puts what was stored up to now into the index, so that the next run uses it. */
  keepStored(): Promise<void>;
  /** Whether it is the repository that failed with `error`, and not a source: then no other source can be backed up into it either. */
  isToBlame(error: unknown): boolean;
  close(): Promise<void>;
}

export interface RepositoryDeps {
  readonly clock: Clock;
  readonly cwd: string;
  readonly env: Environment;
  readonly signal: AbortSignal;
  /** Asks for a passphrase; undefined: there is no one to ask. */
  readonly ask: PassphraseDeps["ask"];
  /** A call to the store has ended: something goes forward. */
  readonly onStoreCall?: (() => void) | undefined;
  /** A request to object storage failed, and is sent again. */
  readonly onStoreRetry?: StoreEvents["onRetry"];
}

/** Throws AppError "repository-refused", "repository-damaged", "unauthorized", and what the store fails with. */
export async function openUsedRepository(deps: RepositoryDeps, place: RepositoryPlace): Promise<UsedRepository> {
  const store = await openPlace(deps, place);
  return using(store, async () => {
    const passphrase = (): Promise<string | undefined> => passphraseOf(deps, place, false);
    return useRepository(deps, await openRepository(store, { passphrase }), { store, place, isNew: false });
  });
}

export interface CreateOptions {
  /** Readable for whoever reads the store. */
  readonly isPlain: boolean;
}

/** As {@link openUsedRepository}; what is not there yet is made. Throws AppError "usage" if neither a passphrase nor `isPlain` is given for
 * that. */
export async function openOrCreateRepository(
  deps: RepositoryDeps,
  place: RepositoryPlace,
  { isPlain }: CreateOptions,
): Promise<UsedRepository> {
  const { clock } = deps;
  const store = await openPlace(deps, place);
  return using(store, async () => {
    const isNew = (await store.head(CONFIG_NAME)) === undefined;
    const passphrase = (): Promise<string | undefined> => passphraseOf(deps, place, isNew);
    if (!isNew) return useRepository(deps, await openRepository(store, { passphrase }), { store, place, isNew });
    checkNotInside(place);
    const given = isPlain ? undefined : await passphrase();
    if (given === undefined && !isPlain) throw needsPassphrase(place.label);
    return useRepository(deps, await createRepository(store, { passphrase: given, clock }), {
      store,
      place,
      isNew,
    });
  });
}

/** A repository among the objects of another one would be taken for a part of it. */
function checkNotInside({ store, label }: RepositoryPlace): void {
  const around = store.kind === "folder" ? repositoryAround(dirname(store.path)) : undefined;
  if (around === undefined) return;
  throw new AppError("usage", `${visible(label)} lies in another repository: ${visible(around)}`, {
    hint: "name a folder outside of it",
  });
}

/** Undefined: there is no repository yet. */
export async function openExistingRepository(
  deps: RepositoryDeps,
  place: RepositoryPlace,
): Promise<UsedRepository | undefined> {
  const store = await openPlace(deps, place);
  return using(store, async () => {
    if ((await store.head(CONFIG_NAME)) === undefined) {
      await store.close();
      return undefined;
    }
    const passphrase = (): Promise<string | undefined> => passphraseOf(deps, place, false);
    return useRepository(deps, await openRepository(store, { passphrase }), { store, place, isNew: false });
  });
}

export function folderOf({ store }: RepositoryPlace): string | undefined {
  return store.kind === "folder" ? store.path : undefined;
}

interface OpenPlace extends WatchedStore {
  requests(): number | undefined;
}

async function openPlace(
  { clock, env, onStoreCall, onStoreRetry }: RepositoryDeps,
  place: RepositoryPlace,
): Promise<OpenPlace> {
  let sent = 0;
  const events = { onRequest: () => void sent++, onRetry: onStoreRetry };
  const store = watchStore(await openStore(place, { clock, env, readFile: readTextFile, events }), onStoreCall);
  return { ...store, requests: () => (place.store.kind === "folder" ? undefined : sent) };
}

/** What `open` makes of `store`, which is closed if that fails. */
async function using<T>(store: OpenPlace, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function passphraseOf(
  { cwd, env, ask }: RepositoryDeps,
  { label, passphrase: configured }: RepositoryPlace,
  isNew: boolean,
): Promise<string | undefined> {
  const given = await readPassphrase({ label, configured, isNew }, { env, cwd, readFile: readTextFile, ask });
  return given?.reveal();
}

function needsPassphrase(text: string): AppError {
  return new AppError("usage", `${visible(text)} has no repository yet, and no passphrase was given for a new one`, {
    hint: `${PASSPHRASE_HINT}; or add --no-encryption for backups that whoever reads the store can read`,
  });
}

function useRepository(
  { clock, signal }: RepositoryDeps,
  repository: Repository,
  { store, place, isNew }: { readonly store: OpenPlace; readonly place: RepositoryPlace; readonly isNew: boolean },
): UsedRepository {
  let loading: Promise<ScratchIndex> | undefined;
  let reading: Promise<ItemReader> | undefined;
  let writing: Promise<SnapshotWriter> | undefined;
  let opened: SnapshotWriter | undefined;
  const index = (): Promise<ScratchIndex> => (loading ??= loadIndex(repository, { clock, signal }));
  const reader = (): Promise<ItemReader> =>
    (reading ??= index().then((loaded) => openItemReader(repository, loaded, { signal })));
  const openWriter = async (): Promise<SnapshotWriter> => {
    const loaded = await index();
    // Of its own: what is stored anew when the command is stopped is read, too.
    opened = openItemWriter({ repository, index: loaded, reader: openItemReader(repository, loaded), clock });
    return opened;
  };
  return {
    repository,
    label: place.label,
    isNew,
    folder: folderOf(place),
    index,
    reader,
    writer: () => (writing ??= openWriter()),
    storedBytes: () => opened?.stored.bytes ?? 0,
    storeRequests: () => store.requests(),
    keepStored: async () => (await writing)?.finish(),
    isToBlame(error) {
      if (error instanceof AppError && OF_REPOSITORY.has(error.code)) return true;
      for (let from = error; from instanceof Error; from = from.cause)
        if (store.failedWith(from) || opened?.failure?.error === from) return true;
      return false;
    },
    async close() {
      const [writer, loaded] = await Promise.allSettled([writing, loading]);
      if (writer.status === "fulfilled") await writer.value?.close();
      if (loaded.status === "fulfilled") loaded.value?.close();
      await repository.store.close();
    },
  };
}

/** No source fails with these. */
const OF_REPOSITORY: ReadonlySet<AppError["code"]> = new Set([
  "store-failed",
  "repository-refused",
  "repository-damaged",
  "disk-full",
]);
