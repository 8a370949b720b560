// What tells a mapping from another, and whether it is still what it was when its last round was done: the place it
// keeps in step, the folder behind its path, its namespace, its filters.

import type { AccountConfig, MappingConfig } from "../config/config.ts";
import { AppError } from "../core/errors.ts";
import type { MappingFacts } from "../journal/mapping-facts.ts";
import { readRootIdentity, type RootIdentity } from "../replica/tree/tree-root.ts";
import { apiOf } from "./place.ts";
import type { Circumstances } from "./hold-reason.ts";

/** Where a mapping's keys and files are, as the config says: at another place nothing seen before counts. */
export function placeOf(mapping: MappingConfig, account: AccountConfig): string {
  const { endpoint, accountId } = account;
  const { folder, namespace, prefix, names } = mapping;
  return JSON.stringify([apiOf(endpoint), accountId, namespace, prefix, folder, names]);
}

/** The default excludes are not part of it while they are in force: a version of kvsync that brings another default list
 * holds no mapping, since what a filter hides is left alone on both sides. To do without them is a change like any other; and so
 * is to follow links, or not to: names that begin with ".." are keys or not. */
export function filterOf({ include, exclude, excludeDefaults, symlinks }: MappingConfig): string {
  const others = [
    ...(excludeDefaults ? [] : ["without the default excludes"]),
    ...(symlinks === "skip" ? [] : ["with links followed"]),
  ];
  return JSON.stringify([include, exclude, ...others]);
}

/** The folder of `mapping`; undefined if a pull is to make it. Throws AppError `root-missing`: also for a folder that a
 * pull made before, since making it anew would fill the place where a disk is to be mounted. */
export function findRoot(mapping: MappingConfig, before: MappingFacts | undefined): RootIdentity | undefined {
  try {
    return readRootIdentity(mapping.folder);
  } catch (error) {
    const isNew = mapping.mode === "pull" && before?.root === undefined && isAbsent(error);
    if (isNew) return undefined;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof AppError && (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
}

export function sameRoot(a: RootIdentity | undefined, b: RootIdentity | undefined): boolean {
  return a?.device === b?.device && a?.inode === b?.inode;
}

export interface Found {
  readonly root: RootIdentity | undefined;
  readonly namespaceId: string | undefined;
  readonly filter: string;
}

export function isAsBefore({ rootChanged, namespaceChanged, filterChanged }: Circumstances): boolean {
  return !rootChanged && namespaceChanged === undefined && !filterChanged;
}

/** What differs between what is found now and what was seen before; nothing, if nothing was. */
export function circumstancesOf(before: MappingFacts | undefined, found: Found): Circumstances {
  const was = before?.namespaceId;
  const now = found.namespaceId;
  return {
    rootChanged: before?.root !== undefined && !sameRoot(before.root, found.root),
    namespaceChanged: was !== undefined && now !== undefined && was !== now ? { was, now } : undefined,
    filterChanged: before !== undefined && before.filter !== found.filter,
  };
}
