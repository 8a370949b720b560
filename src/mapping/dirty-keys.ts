// Which keys the paths are about that a watcher reported: those whose files they are, and for a folder all that are below
// it now or were there when the base was made. A name that can be no key's is a problem, as it is in a look at everything.

import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { NameScheme } from "../config/config.ts";
import { type Key, keyFault } from "../core/key.ts";
import { decodePath } from "../core/names/path-codec.ts";
import type { Problem } from "../core/problem.ts";
import type { BaseStore } from "../engine/ports.ts";
import { faultCode } from "../replica/tree/fs-fault.ts";
import { findNameProblem, hasDoubtfulName } from "../replica/tree/scan/name-problem.ts";
import { lookedAt, type RoundProblems } from "./standing-problems.ts";

export interface DirtyKeysDeps {
  /** Absolute. */
  readonly root: string;
  readonly names: NameScheme;
  /** What the namespace has before each key of the mapping. */
  readonly prefix: string;
  /** Whether filters let through any key that begins so: what lies in other folders is nobody's problem. */
  readonly mayContain: (keyPrefix: string) => boolean;
  readonly base: BaseStore;
  /** Then a symbolic link may stand for any keys, and everything must be looked at where there is one. */
  readonly followsLinks: boolean;
}

export interface DirtyKeys extends Pick<RoundProblems, "covers"> {
  readonly keys: readonly Key[];
  /** Of names that can be no key's. */
  readonly problems: readonly Problem[];
  /** See RoundRequest. */
  readonly isRemoteChanged?: boolean;
}

interface Found {
  readonly keys: Set<Key>;
  readonly problems: Problem[];
}

/** More keys than this are no matter for a look at a few. */
export const DIRTY_KEYS_MAX = 10_000;

/** `paths` are from the root; those that end in "/" are folders. Undefined: they cannot be named one by one, or are too
 * many, and everything must be looked at. */
export function findDirtyKeys(paths: readonly string[], deps: DirtyKeysDeps): DirtyKeys | undefined {
  const found: Found = { keys: new Set(), problems: [] };
  const { keys, problems } = found;
  const prefixes: string[] = [];
  for (const path of paths) {
    if (!path.endsWith("/")) {
      if (deps.followsLinks && isLink(join(deps.root, path))) return undefined;
      addFile(path, deps, found);
      continue;
    }
    const prefix = keyPrefixOf(path, deps.names);
    if (prefix === undefined || !addFolder(path, deps, found)) return undefined;
    prefixes.push(prefix);
  }
  if (!addKnown(prefixes, deps.base, keys)) return undefined;
  if (keys.size + problems.length > DIRTY_KEYS_MAX) return undefined;
  return { keys: [...keys], problems, covers: lookedAt([...keys], paths) };
}

function addFile(path: string, { root, names, prefix }: DirtyKeysDeps, { keys, problems }: Found): void {
  const decoded = decodePath(path, names);
  // A temporary file or a conflict copy is about no key.
  if (decoded.kind === "temp" || decoded.kind === "conflict") return;
  const isKey = decoded.kind !== "invalid" && keyFault(prefix + decoded.key) === undefined;
  // The mapping's prefix may make legal what is no key by itself, so that this check takes the place of parseKey.
  if (isKey) keys.add(decoded.key as Key);
  if (isKey && !hasDoubtfulName(path)) return;
  const found = findNameProblem(root, path, { scheme: names, prefix });
  if (found !== undefined) problems.push(found);
}

/** What the keys below a folder begin with; undefined if its name is not all of a key's segment. */
function keyPrefixOf(path: string, names: NameScheme): string | undefined {
  const inside = decodePath(`${path}x`, names);
  return inside.kind === "value" && inside.key.endsWith("/x") ? inside.key.slice(0, -1) : undefined;
}

/** Adds the keys of the files below a folder. False: there are too many, or a link that may stand for more. */
function addFolder(path: string, deps: DirtyKeysDeps, found: Found): boolean {
  const folders = [path];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of entriesOf(join(deps.root, folder))) {
      const inner = folder + entry.name;
      if (deps.followsLinks && entry.isSymbolicLink()) return false;
      if (!entry.isDirectory()) addFile(inner, deps, found);
      // A path with "%" may be another key's.
      else if (inner.includes("%") || deps.mayContain(`${inner}/`)) folders.push(`${inner}/`);
    }
    if (found.keys.size + found.problems.length + folders.length > DIRTY_KEYS_MAX) return false;
  }
  return true;
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  } catch (error) {
    faultCode(error);
    return false;
  }
}

/** Nothing for a folder that is gone or cannot be read: what was known below it is looked at key by key. */
function entriesOf(folder: string): ReturnType<typeof readFolder> {
  try {
    return readFolder(folder);
  } catch (error) {
    faultCode(error);
    return [];
  }
}

function readFolder(folder: string) {
  return readdirSync(folder, { withFileTypes: true });
}

/** Adds the keys of the base that begin with one of `prefixes`. False: there are too many. */
function addKnown(prefixes: readonly string[], base: BaseStore, keys: Set<Key>): boolean {
  for (const prefix of prefixes) {
    for (const key of base.keysBelow(prefix, DIRTY_KEYS_MAX + 1)) keys.add(key);
    if (keys.size > DIRTY_KEYS_MAX) return false;
  }
  return true;
}
