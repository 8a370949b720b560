// Whether what stands before the `@` of a location names a repository. If not, the location is what it was before there were any.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { CONFIG_NAME } from "../../backup/format/object-names.ts";

export interface NamingContext {
  readonly cwd: string;
  /** What `~/` stands for. */
  readonly home: string | undefined;
  /** Of the repositories in the config. */
  readonly names: ReadonlySet<string>;
}

/** `whole` goes on behind `text`: if that is the path of something, it is meant. */
export function namesRepository(text: string, whole: string, { cwd, home, names }: NamingContext): boolean {
  if (names.has(text) || text.startsWith("s3://")) return true;
  if (!/^(?:\.{1,2}|~)?\//.test(text)) return false;
  const pathOf = (path: string): string =>
    path.startsWith("~") && home !== undefined ? join(home, path.slice(1)) : resolve(cwd, path);
  return existsSync(join(pathOf(text), CONFIG_NAME)) && !existsSync(pathOf(whole));
}
