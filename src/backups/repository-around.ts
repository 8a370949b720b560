// The repository that a folder is or lies in: what is written there would be among its objects.

import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { CONFIG_NAME } from "../backup/format/object-names.ts";
import { readTextFile } from "../config/read-file.ts";

const CONFIG_BYTES_MAX = 4096;

/** `path` is absolute, and need not exist. It is taken as it is written, and where its links lead. */
export function repositoryAround(path: string): string | undefined {
  return firstAbove(path, repositoryAt) ?? firstAbove(firstAbove(path, realPathOf) ?? path, repositoryAt);
}

/** What `find` finds first, at `path` or above it. */
function firstAbove(path: string, find: (folder: string) => string | undefined): string | undefined {
  for (let folder = path; ; folder = dirname(folder)) {
    const found = find(folder);
    if (found !== undefined || folder === dirname(folder)) return found;
  }
}

function repositoryAt(folder: string): string | undefined {
  return isRepositoryFolder(folder) ? folder : undefined;
}

function realPathOf(path: string): string | undefined {
  return existsSync(path) ? realpathSync(path) : undefined;
}

/** A folder is a repository if its config.json says so. */
export function isRepositoryFolder(path: string): boolean {
  const file = join(path, CONFIG_NAME);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats?.isFile() !== true || stats.size > CONFIG_BYTES_MAX) return false;
  return /"kvsync"\s*:\s*"repository"/.test(readTextFile(file) ?? "");
}
