// A location, opened: a folder or a namespace as a replica, with what names it and what to say where it has no keys.

import { existsSync, mkdirSync } from "node:fs";
import type { AccountConfig } from "../config/config.ts";
import type { StoredSnapshot } from "../backup/repository/repository.ts";
import type { Clock } from "../core/clock.ts";
import { ioError } from "../config/read-file.ts";
import { AppError, visible } from "../core/errors.ts";
import type { KeyFilter } from "../core/filter.ts";
import type { Json } from "../core/json-value.ts";
import { renderRemote } from "../core/prefix.ts";
import { parseSnapshotName } from "../backup/snapshot/snapshot-name.ts";
import type { KvApi, Namespace, Priority } from "../kv/kv-api.ts";
import { parseNamespaceId } from "../kv/namespace-id.ts";
import { resolveNamespace } from "../kv/resolve-namespace.ts";
import { openMemoryReplica } from "../replica/memory.ts";
import { openNamespaceReplica } from "../replica/namespace/namespace-replica.ts";
import { type ArchiveOptions, type OpenArchive, openArchive } from "../replica/archive/archive-replica.ts";
import { type ArchiveAllowances, NO_ALLOWANCES } from "../replica/archive/check-archive.ts";
import { isPairFile, openPairs } from "../replica/archive/pairs/pairs-replica.ts";
import type { ReadableReplica } from "../replica/replica.ts";
import { pathsInside } from "../replica/tree/paths-inside.ts";
import { QUIET_MS } from "../replica/tree/write/replaced-file.ts";
import { openTreeReplica } from "../replica/tree/tree-replica.ts";
import { hintForEmptyFolder, hintForEmptyNamespace } from "./empty-source.ts";
import {
  type ArchiveLocation,
  type LocationContext,
  type NamespaceLocation,
  parseLocation,
  type SnapshotLocation,
} from "./location.ts";
import { type NamespacePlace, namespacePlace, realFolder } from "./place.ts";

export interface LocationDeps extends LocationContext {
  readonly clock: Clock;
  readonly stateDir: string;
  readonly signal: AbortSignal;
  /** By name, or the only one. */
  readonly account: (
    name: string | undefined,
  ) => Promise<{ readonly name: string; readonly config: AccountConfig; readonly api: KvApi }>;
  /** The same, or what it stands for in wrangler's config. */
  readonly bound: (location: NamespaceLocation) => Promise<NamespaceLocation>;
  /** Asks for a passphrase where it needs one. */
  readonly snapshot: (location: SnapshotLocation) => Promise<OpenSnapshot>;
}

export interface OpenSnapshot {
  readonly replica: ReadableReplica;
  readonly snapshot: StoredSnapshot;
  readonly repositoryId: string;
  /** As it is typed. */
  readonly repository: string;
  /** Where the repository lies on disk; undefined: in object storage. */
  readonly repositoryFolder: string | undefined;
  /** The same without some of its pages: those that a snapshot which it is compared with has too. */
  readonly without: (skips: (pageId: string) => boolean) => ReadableReplica;
}

export interface OpenLocation {
  readonly replica: ReadableReplica;
  readonly api: KvApi | undefined;
  readonly account: string | undefined;
  readonly namespace: string | undefined;
  /** Of a namespace that was created with one. */
  readonly jurisdiction: string | undefined;
  /** It does not exist, and is shown as empty. */
  readonly lacks: "namespace" | "folder" | undefined;
  /** Names this place for good. */
  readonly identity: unknown;
  /** What an archive or a snapshot left out on purpose, as it says it: nothing is known of these keys; null: nothing.
   * `mayLackKeys` in it: it was made of a .json, which cannot say what it left out. */
  readonly filter: Json;
  /** What is to be said of it before it is used, a line each. */
  readonly warnings: readonly string[];
  /** Undefined: a folder or an archive. */
  readonly place: NamespacePlace | undefined;
  /** What to type where it has no keys. */
  readonly whenEmpty: () => Promise<string>;
  readonly snapshot?: OpenSnapshot;
}

export interface OpenOptions {
  /** Make a folder that does not exist. */
  readonly mayCreate: boolean;
  /** Show a place that does not exist as empty. */
  readonly mayLack: boolean;
  readonly filter: KeyFilter | undefined;
  /** What is taken of an archive though it would be refused; nothing unless given. */
  readonly allowed?: ArchiveAllowances | undefined;
  /** The namespace that the location names, where that is known. A text is the title of one that is known not to be there, and is shown as
   * empty. */
  readonly namespace?: Namespace | string | undefined;
  /** Of all requests to a namespace, instead of the usual ones. */
  readonly priority?: Priority | undefined;
}

/** An archive is read through and checked. Throws AppError "location-invalid", "root-missing", "namespace-not-found",
 * "archive-refused", "io", and what the API answers. */
export async function openLocation(deps: LocationDeps, text: string, options: OpenOptions): Promise<OpenLocation> {
  const location = parseLocation(text, deps);
  switch (location.kind) {
    case "folder":
      return openFolder(deps, location.path, text, options);
    case "namespace":
      return openNamespaceLocation(deps, await deps.bound(location), options);
    case "archive":
      return openArchiveLocation(deps, location, text, options);
    case "snapshot":
      return snapshotLocation(await deps.snapshot(location));
  }
}

function snapshotLocation(opened: OpenSnapshot): OpenLocation {
  const { replica, snapshot, repositoryId } = opened;
  const lack = `${visible(replica.label)} is not complete: it lacks keys that could not be read when it was made`;
  return {
    replica,
    snapshot: opened,
    lacks: undefined,
    api: undefined,
    account: undefined,
    namespace: undefined,
    jurisdiction: undefined,
    place: undefined,
    identity: { repository: repositoryId, snapshot: snapshot.id },
    filter: (snapshot.filter ?? null) as Json,
    warnings: snapshot.complete ? [] : [lack],
    whenEmpty: async () => "it was made of a place without keys, or all its entries have expired",
  };
}

async function openArchiveLocation(
  { clock, signal }: LocationDeps,
  { path }: ArchiveLocation,
  label: string,
  { allowed = NO_ALLOWANCES }: OpenOptions,
): Promise<OpenLocation> {
  return archiveLocation(await openArchiveFile({ clock, path, label, allowed, signal }));
}

/** As {@link openLocation}, of a file of any name: an archive, or pairs in wrangler's form. */
export async function openArchiveFile(options: ArchiveOptions): Promise<OpenArchive> {
  try {
    return await (isPairFile(options.path, options.label) ? openPairs(options) : openArchive(options));
  } catch (error) {
    throw error instanceof Error && "syscall" in error
      ? ioError(error, `could not read ${visible(options.label)}`)
      : error;
  }
}

export function archiveLocation({ replica, warnings, path, filter }: OpenArchive): OpenLocation {
  return {
    replica,
    lacks: undefined,
    api: undefined,
    account: undefined,
    namespace: undefined,
    jurisdiction: undefined,
    place: undefined,
    identity: { archive: path },
    filter,
    warnings,
    whenEmpty: async () => "it was made of a place without keys, or all its entries have expired",
  };
}

function openFolder(
  { clock, stateDir }: LocationDeps,
  path: string,
  label: string,
  { mayCreate, mayLack, filter }: OpenOptions,
): OpenLocation {
  if (pathsInside(stateDir, path).length > 0) {
    throw new AppError(
      "location-invalid",
      `the folder ${path} is kvsync's own: it lies in the state folder ${stateDir}`,
      {
        hint: "name another folder; kvsync trash list shows what was kept",
      },
    );
  }
  if (mayCreate) mkdirSync(path, { recursive: true });
  const lacks = existsSync(path) ? undefined : "folder";
  if (lacks !== undefined && !mayLack) throw missingFolder(path, label);
  return {
    replica:
      lacks === undefined
        ? openTreeReplica({ clock, root: path, label, ignorePaths: [stateDir], quietMs: QUIET_MS, filter })
        : openMemoryReplica({ clock, label }),
    lacks,
    api: undefined,
    account: undefined,
    namespace: undefined,
    jurisdiction: undefined,
    place: undefined,
    filter: null,
    warnings: [],
    identity: { folder: lacks === undefined ? realFolder(path) : path },
    whenEmpty: async () => hintForEmptyFolder(path),
  };
}

function missingFolder(path: string, text: string): AppError {
  const snapshot = parseSnapshotName(text);
  if (snapshot !== undefined) {
    const repository = visible(snapshot.repository);
    return new AppError("root-missing", `there is no repository ${repository}, and no folder ${visible(text)}`, {
      hint: "check the path",
    });
  }
  return new AppError("root-missing", `there is no folder ${path}`, {
    hint: "check the path; copy creates a destination, but never a source",
  });
}

async function openNamespaceLocation(
  deps: LocationDeps,
  location: NamespaceLocation,
  { mayLack, namespace: known, priority }: OpenOptions,
): Promise<OpenLocation> {
  const { clock, signal } = deps;
  const account = await deps.account(location.account);
  const resolve = (): Promise<Namespace | undefined> =>
    resolveNamespace(account.api, location.namespace, { signal }).catch((error: unknown) => {
      const isLacking = error instanceof AppError && error.code === "namespace-not-found";
      // An id that is not there is a mistake, and none that a namespace could be created with.
      if (!mayLack || !isLacking || parseNamespaceId(location.namespace) !== undefined) throw error;
      return undefined;
    });
  const namespace = typeof known === "string" ? undefined : (known ?? (await resolve()));
  const { prefix } = typeof known === "string" ? { prefix: "" } : location;
  const title = namespace?.title ?? (typeof known === "string" ? known : location.namespace);
  const label = renderRemote(account.name, title, prefix);
  const place = namespacePlace(account.config, namespace?.id, prefix);
  return {
    replica:
      namespace === undefined
        ? openMemoryReplica({ clock, label })
        : openNamespaceReplica({ clock, api: account.api, namespaceId: namespace.id, label, prefix, priority }),
    lacks: namespace === undefined ? "namespace" : undefined,
    api: account.api,
    account: account.name,
    namespace: title,
    jurisdiction: namespace?.jurisdiction,
    place,
    filter: null,
    warnings: [],
    identity: { ...place, namespace: namespace?.id ?? title },
    whenEmpty: async () =>
      namespace === undefined
        ? "create it with: kvsync namespace create"
        : hintForEmptyNamespace({ account: account.name, api: account.api, namespace, prefix, signal }),
  };
}
