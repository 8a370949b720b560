// A repository as a command uses it: found by what was typed, its passphrase asked for on the terminal where nothing else says it.

import {
  type CreateOptions,
  folderOf,
  openExistingRepository as openExisting,
  openOrCreateRepository as openOrCreate,
  openUsedRepository as openUsed,
  type RepositoryDeps,
  type UsedRepository,
} from "../../backups/used-repository.ts";
import { findRepository } from "../../backup/store/open-store.ts";
import type { Context } from "../context.ts";
import { openRetryTeller } from "../render/tell-outage.ts";
import { askSecret } from "../input/ask-secret.ts";

type RepositoryContext = Pick<Context, "clock" | "config" | "cwd" | "env" | "output" | "signal" | "stdin">;

/** Throws AppError "location-invalid", and as the function of this name in backups/ does. */
export async function openUsedRepository(context: RepositoryContext, text: string): Promise<UsedRepository> {
  return openUsed(repositoryDeps(context), await findRepository(text, context));
}

/** As {@link openUsedRepository}; what is not there yet is made. */
export async function openOrCreateRepository(
  context: RepositoryContext,
  text: string,
  options: CreateOptions,
): Promise<UsedRepository> {
  return openOrCreate(repositoryDeps(context), await findRepository(text, context), options);
}

/** Undefined: there is no repository yet. */
export async function openExistingRepository(
  context: RepositoryContext,
  text: string,
): Promise<UsedRepository | undefined> {
  return openExisting(repositoryDeps(context), await findRepository(text, context));
}

/** Where the repository that `text` names lies or is to lie on disk; undefined: in object storage. */
export async function findRepositoryFolder(context: RepositoryContext, text: string): Promise<string | undefined> {
  return folderOf(await findRepository(text, context));
}

export function repositoryDeps({ clock, cwd, env, stdin, output, signal }: RepositoryContext): RepositoryDeps {
  const ask = stdin.isTTY ? (question: string) => askSecret(question, { stdin, output, signal }) : undefined;
  return { clock, cwd, env, signal, ask, onStoreRetry: openRetryTeller(clock, output) };
}
