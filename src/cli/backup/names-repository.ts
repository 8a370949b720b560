// Whether what stands before the `@` of a location names a repository. If not, the location is what it was before there were any.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { CONFIG_NAME, FOLDERS } from "../../backup/format/object-names.ts";

export interface NamingContext {
  readonly cwd: string;
  /** What `~/` stands for. */
  readonly home: string | undefined;
  /** Of the repositories in the config. */
  readonly names: ReadonlySet<string>;
}

/** Of a repository in a folder, named by a path. */
export function repositoryPath(text: string, { cwd, home }: Pick<NamingContext, "cwd" | "home">): string {
  return text.startsWith("~") && home !== undefined ? join(home, text.slice(1)) : resolve(cwd, text);
}

/** By its config.json, or what else is in it where that is missing: it is then told as damaged. */
function looksLikeRepository(path: string): boolean {
  if (existsSync(join(path, CONFIG_NAME))) return true;
  return [FOLDERS.packs, FOLDERS.snapshots].every((folder) => existsSync(join(path, folder)));
}

/** `whole` goes on behind `text`: if that is the path of something, it is meant. */
export function namesRepository(text: string, whole: string, { names, ...place }: NamingContext): boolean {
  if (names.has(text) || text.startsWith("s3://")) return true;
  if (!/^(?:\.{1,2}|~)?\//.test(text)) return false;
  return looksLikeRepository(repositoryPath(text, place)) && !existsSync(repositoryPath(whole, place));
}
