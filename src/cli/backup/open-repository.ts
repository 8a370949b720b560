// A repository as a command uses it: found by what was typed, its passphrase asked for where it has one, and its index loaded when
// something is first read or stored.

import { openRepository } from "../../backup/repository/open-repository.ts";
import { createRepository } from "../../backup/repository/create-repository.ts";
import { loadIndex, type ScratchIndex } from "../../backup/repository/load-index.ts";
import { openItemReader } from "../../backup/repository/open-item-reader.ts";
import { openItemWriter, type SnapshotWriter } from "../../backup/repository/open-item-writer.ts";
import { CONFIG_NAME } from "../../backup/format/object-names.ts";
import type { ItemReader, Repository } from "../../backup/repository/repository.ts";
import { findRepository, openStore, type RepositoryPlace } from "../../backup/store/open-store.ts";
import type { Store } from "../../backup/store/store.ts";
import { readTextFile } from "../../config/read-file.ts";
import type { ByteCount } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { Context } from "../context.ts";
import { askSecret } from "../input/ask-secret.ts";
import { PASSPHRASE_HINT, readPassphrase } from "../input/passphrase.ts";

export interface UsedRepository {
  readonly repository: Repository;
  /** As it was typed. */
  readonly label: string;
  /** It was made by this command. */
  readonly isNew: boolean;
  /** Where it lies on disk; undefined: in object storage. */
  readonly folder: string | undefined;
  index(): Promise<ScratchIndex>;
  reader(): Promise<ItemReader>;
  /** The same each time. It is not stopped by the command's signal: who is stopped finishes what was begun. */
  writer(): Promise<SnapshotWriter>;
  /** What the writer has stored up to now. */
  storedBytes(): ByteCount;
  /** Puts what was stored up to now into the index, so that the next run uses it. */
  keepStored(): Promise<void>;
  close(): Promise<void>;
}

type RepositoryContext = Pick<Context, "clock" | "config" | "cwd" | "env" | "output" | "signal" | "stdin">;

/** Throws AppError "location-invalid", "repository-refused", "repository-damaged", "unauthorized", and what the store fails with. */
export async function openUsedRepository(context: RepositoryContext, text: string): Promise<UsedRepository> {
  const { place, store } = await openPlace(context, text);
  return using(store, async () => {
    const passphrase = (): Promise<string | undefined> => passphraseOf(context, place, false);
    return useRepository(context, await openRepository(store, { passphrase }), { place, isNew: false });
  });
}

export interface CreateOptions {
  /** Readable for whoever reads the store. */
  readonly isPlain: boolean;
}

/** As {@link openUsedRepository}; what is not there yet is made. Throws AppError "usage" if neither a passphrase nor `isPlain` is given for
 * that. */
export async function openOrCreateRepository(
  context: RepositoryContext,
  text: string,
  { isPlain }: CreateOptions,
): Promise<UsedRepository> {
  const { clock } = context;
  const { place, store } = await openPlace(context, text);
  return using(store, async () => {
    const isNew = (await store.head(CONFIG_NAME)) === undefined;
    const passphrase = (): Promise<string | undefined> => passphraseOf(context, place, isNew);
    if (!isNew) return useRepository(context, await openRepository(store, { passphrase }), { place, isNew });
    const given = isPlain ? undefined : await passphrase();
    if (given === undefined && !isPlain) throw needsPassphrase(text);
    return useRepository(context, await createRepository(store, { passphrase: given, clock }), { place, isNew });
  });
}

/** Undefined: there is no repository yet. */
export async function openExistingRepository(
  context: RepositoryContext,
  text: string,
): Promise<UsedRepository | undefined> {
  const { place, store } = await openPlace(context, text);
  return using(store, async () => {
    if ((await store.head(CONFIG_NAME)) === undefined) {
      await store.close();
      return undefined;
    }
    const passphrase = (): Promise<string | undefined> => passphraseOf(context, place, false);
    return useRepository(context, await openRepository(store, { passphrase }), { place, isNew: false });
  });
}

/** Where the repository that `text` names lies or is to lie on disk; undefined: in object storage. */
export async function findRepositoryFolder(
  { config, cwd, env }: RepositoryContext,
  text: string,
): Promise<string | undefined> {
  return folderOf(await findRepository(text, { config, cwd, env }));
}

function folderOf({ store }: RepositoryPlace): string | undefined {
  return store.kind === "folder" ? store.path : undefined;
}

async function openPlace(
  { clock, config, cwd, env }: RepositoryContext,
  text: string,
): Promise<{ readonly place: RepositoryPlace; readonly store: Store }> {
  const place = await findRepository(text, { config, cwd, env });
  return { place, store: await openStore(place, { clock, env, readFile: readTextFile }) };
}

/** What `open` makes of `store`, which is closed if that fails. */
async function using<T>(store: Store, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function passphraseOf(
  { cwd, env, stdin, output, signal }: RepositoryContext,
  { label, passphrase: configured }: RepositoryPlace,
  isNew: boolean,
): Promise<string | undefined> {
  const ask = stdin.isTTY ? (question: string) => askSecret(question, { stdin, output, signal }) : undefined;
  const given = await readPassphrase({ label, configured, isNew }, { env, cwd, readFile: readTextFile, ask });
  return given?.reveal();
}

function needsPassphrase(text: string): AppError {
  return new AppError("usage", `${visible(text)} has no repository yet, and no passphrase was given for a new one`, {
    hint: `${PASSPHRASE_HINT}; or add --no-encryption for backups that whoever reads the store can read`,
  });
}

function useRepository(
  { clock, signal }: RepositoryContext,
  repository: Repository,
  { place, isNew }: { readonly place: RepositoryPlace; readonly isNew: boolean },
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
    keepStored: async () => (await writing)?.finish(),
    async close() {
      const [writer, loaded] = await Promise.allSettled([writing, loading]);
      if (writer.status === "fulfilled") await writer.value?.close();
      if (loaded.status === "fulfilled") loaded.value?.close();
      await repository.store.close();
    },
  };
}
