// Which keys the paths are about that a watcher reported: those whose files they are, and for a folder all that are below
// it now or were there when the base was made.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { NameScheme } from "../config/config.ts";
import { type Key, parseKey } from "../core/key.ts";
import { decodePath } from "../core/names/path-codec.ts";
import type { BaseStore } from "../journal/ports.ts";

export interface DirtyKeysDeps {
  /** Absolute. */
  readonly root: string;
  readonly names: NameScheme;
  readonly base: BaseStore;
}

/** More keys than this are no matter for a look at a few. */
export const DIRTY_KEYS_MAX = 10_000;

/** `paths` are from the root; those that end in "/" are folders. Undefined: they cannot be named one by one, or are too
 * many, and everything must be looked at. */
export async function findDirtyKeys(
  paths: readonly string[],
  deps: DirtyKeysDeps,
): Promise<readonly Key[] | undefined> {
  const { names } = deps;
  const keys = new Set<Key>();
  const prefixes: string[] = [];
  for (const path of paths) {
    if (!path.endsWith("/")) {
      addKey(path, names, keys);
      continue;
    }
    const prefix = keyPrefixOf(path, names);
    if (prefix === undefined || !addFolder(path, deps, keys)) return undefined;
    prefixes.push(prefix);
  }
  if (prefixes.length > 0 && !(await addKnown(prefixes, deps.base, keys))) return undefined;
  return keys.size > DIRTY_KEYS_MAX ? undefined : [...keys];
}

function addKey(path: string, names: NameScheme, keys: Set<Key>): void {
  const decoded = decodePath(path, names);
  // A temporary file or a conflict copy is about no key; a name that is none is told by looks at everything.
  if (decoded.kind !== "value" && decoded.kind !== "sidecar") return;
  const key = parseKey(decoded.key);
  if (key !== undefined) keys.add(key);
}

/** What the keys below a folder begin with; undefined if its name is not all of a key's segment. */
function keyPrefixOf(path: string, names: NameScheme): string | undefined {
  const inside = decodePath(`${path}x`, names);
  return inside.kind === "value" && inside.key.endsWith("/x") ? inside.key.slice(0, -1) : undefined;
}

/** Adds the keys of the files below a folder. False: there are too many. */
function addFolder(path: string, deps: DirtyKeysDeps, keys: Set<Key>): boolean {
  const folders = [path];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of entriesOf(join(deps.root, folder))) {
      if (entry.isDirectory()) folders.push(`${folder}${entry.name}/`);
      else addKey(folder + entry.name, deps.names, keys);
    }
    if (keys.size + folders.length > DIRTY_KEYS_MAX) return false;
  }
  return true;
}

/** Nothing for a folder that is gone or cannot be read: what was known below it is looked at key by key. */
function entriesOf(folder: string): ReturnType<typeof readFolder> {
  try {
    return readFolder(folder);
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== "string") throw error;
    return [];
  }
}

function readFolder(folder: string) {
  return readdirSync(folder, { withFileTypes: true });
}

/** Adds the keys of the base that begin with one of `prefixes`. False: there are too many. */
async function addKnown(prefixes: readonly string[], base: BaseStore, keys: Set<Key>): Promise<boolean> {
  for await (const page of base.scan()) {
    for (const { key } of page) if (prefixes.some((prefix) => key.startsWith(prefix))) keys.add(key);
    if (keys.size > DIRTY_KEYS_MAX) return false;
  }
  return true;
}
