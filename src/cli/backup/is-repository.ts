// Whether a folder is a repository as a whole, and not a folder of files.

import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { isBucket } from "../../config/resolve-repository.ts";
import { CONFIG_NAME } from "../../backup/format/object-names.ts";
import { readTextFile } from "../../config/read-file.ts";
import type { Context } from "../context.ts";
import { repositoryPath } from "./names-repository.ts";

const CONFIG_BYTES_MAX = 4096;

/** A folder is one if its config.json says so. */
export async function isRepository(context: Pick<Context, "config" | "cwd" | "env">, text: string): Promise<boolean> {
  if (isBucket(text)) return !text.includes("@");
  if (/^(?:\.{1,2}|~)?\//.test(text) || /^\.{1,2}$/.test(text)) return isRepositoryFolder(context, text);
  if (/[:@]/.test(text)) return false;
  return (await context.config()).repositories.has(text);
}

function isRepositoryFolder({ cwd, env }: Pick<Context, "cwd" | "env">, text: string): boolean {
  return hasConfig(repositoryPath(text, { cwd, home: env["HOME"] }));
}

/** The repository that `path`, which is absolute, is or lies in: what is written there would be among its objects. */
export function repositoryAround(path: string): string | undefined {
  for (let folder = path; ; folder = dirname(folder)) {
    if (hasConfig(folder)) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

function hasConfig(path: string): boolean {
  const file = join(path, CONFIG_NAME);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats?.isFile() !== true || stats.size > CONFIG_BYTES_MAX) return false;
  return /"kvsync"\s*:\s*"repository"/.test(readTextFile(file) ?? "");
}
