// Whether a folder is a repository as a whole, and not a folder of files.

import { isBucket } from "../../config/resolve-repository.ts";
import { isRepositoryFolder } from "../../backups/repository-around.ts";
import type { Context } from "../context.ts";
import { repositoryPath } from "./names-repository.ts";

/** A folder is one if its config.json says so. */
export async function isRepository(context: Pick<Context, "config" | "cwd" | "env">, text: string): Promise<boolean> {
  if (isBucket(text)) return !text.includes("@");
  if (/^(?:\.{1,2}|~)?\//.test(text) || /^\.{1,2}$/.test(text)) return isRepositoryPath(context, text);
  if (/[:@]/.test(text)) return false;
  return (await context.config()).repositories.has(text);
}

function isRepositoryPath({ cwd, env }: Pick<Context, "cwd" | "env">, text: string): boolean {
  return isRepositoryFolder(repositoryPath(text, { cwd, home: env["HOME"] }));
}
