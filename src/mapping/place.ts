// What names the two sides of a pair for good, whatever they are called: an account with a namespace's id, and a folder by its
// real path (by the path that the config names, where that is swapped). The base and saved plans are kept under these, so their form does not change.

import { realpathSync } from "node:fs";
import type { AccountConfig } from "../config/config.ts";

export interface NamespacePlace {
  /** The API's address, or "embedded". */
  readonly account: string;
  readonly accountId: string;
  /** Its id; undefined: it does not exist yet. */
  readonly namespace: string | undefined;
  readonly prefix: string;
}

export function namespacePlace(
  { endpoint, accountId }: AccountConfig,
  namespaceId: string | undefined,
  prefix: string,
): NamespacePlace {
  return { account: apiOf(endpoint), accountId, namespace: namespaceId, prefix };
}

export function apiOf(endpoint: AccountConfig["endpoint"]): string {
  return endpoint.kind === "embedded" ? "embedded" : endpoint.baseUrl;
}

/** The folder with symbolic links on the way to it resolved, so that it is the same one whatever it is called. */
export function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return folder;
    throw error;
  }
}
