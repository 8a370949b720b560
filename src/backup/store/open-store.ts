// A repository as the command line or the config names it, and its store, opened: `./backups` and `/srv/backups` are folders,
// `s3://BUCKET/PREFIX` is object storage, and a name is an entry of `repositories` in the config.

import type { Config, RepositoryConfig } from "../../config/config.ts";
import { closestName } from "../../config/closest-name.ts";
import type { RawRepository } from "../../config/repository-schema.ts";
import { isBucket, resolveRepository } from "../../config/resolve-repository.ts";
import type { ReadFile } from "../../config/secret.ts";
import type { Environment } from "../../config/yaml-source.ts";
import type { Clock } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { parseProxies } from "../../kv/proxies.ts";
import { openFolderStore } from "./folder-store.ts";
import { readS3Keys } from "./s3-keys.ts";
import type { Store, StoreEvents } from "./store.ts";

export interface RepositoryPlace extends RepositoryConfig {
  /** As the user wrote it. */
  readonly label: string;
}

export interface PlaceContext {
  /** Asked only for a name. */
  readonly config: () => Promise<Config>;
  readonly cwd: string;
  readonly env: Environment;
}

/** For help. */
export const REPOSITORY_FORMS =
  "a folder (./backups, /x), s3://BUCKET/PREFIX, or a name under repositories in the config";

/** Throws AppError "location-invalid". A path begins with `/`, `./`, `../` or `~/`. */
export async function findRepository(text: string, context: PlaceContext): Promise<RepositoryPlace> {
  const isPath = /^(?:\.{1,2}|~)?(?:\/|$)/.test(text) && text !== "";
  if (isPath || isBucket(text)) return placeOf(text, context);
  const { repositories } = await context.config();
  const found = repositories.get(text);
  if (found !== undefined) return { ...found, label: text };
  const meant = closestName(text, repositories.keys());
  throw new AppError("location-invalid", `there is no repository "${visible(text)}" in the config`, {
    hint:
      meant === undefined
        ? `write ./${text || "FOLDER"} for a folder, or s3://BUCKET/PREFIX`
        : `did you mean ${meant}?`,
  });
}

function placeOf(text: string, { cwd, env }: PlaceContext): RepositoryPlace {
  const resolved = resolveRepository([], { store: text } as RawRepository, { folder: cwd, env, report: refuse(text) });
  if (resolved !== undefined) return { name: undefined, label: text, ...resolved };
  throw new AppError("location-invalid", `"${visible(text)}" is no repository`);
}

function refuse(text: string): (path: unknown, message: string) => never {
  return (_, message) => {
    const isAboutText = message.startsWith('"');
    throw new AppError("location-invalid", isAboutText ? message : `${visible(text)} ${message}`);
  };
}

export interface StoreDeps {
  readonly clock: Clock;
  readonly env: Environment;
  readonly readFile: ReadFile;
  /** Of object storage. */
  readonly events?: StoreEvents | undefined;
}

/** Throws AppError "unauthorized" if there are no keys for object storage. */
export async function openStore({ store, label }: RepositoryPlace, deps: StoreDeps): Promise<Store> {
  const { clock, env, readFile, events } = deps;
  if (store.kind === "folder") return openFolderStore({ clock, path: store.path, label });
  const keys = readS3Keys(store.credentials, { label, env, readFile });
  const { openS3Store } = await import("./s3-store.ts");
  return openS3Store({ clock, config: store, keys, proxies: parseProxies(env), label, events });
}
