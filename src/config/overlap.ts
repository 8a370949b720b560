// Mappings that would fight: two over the same files, two over the same keys, or one over kvsync's own files.

import { isLoopback } from "../core/loopback.ts";
import { pathsInside, pathsOverlap } from "../replica/tree/paths-inside.ts";
import type { AccountConfig, MappingConfig, RepositoryConfig } from "./config.ts";
import type { Report } from "./resolve-account.ts";

export interface OverlapSurroundings {
  readonly accounts: ReadonlyMap<string, AccountConfig>;
  readonly stateDir: string;
  readonly file: string;
  readonly report: Report;
}

/** Reports each mapping that overlaps one before it, or holds the state folder or the config file. A namespace given
 * by its id in one and by its title in the other is known only at run time: see mapping/check-neighbours.ts. */
export function checkOverlaps(
  mappings: readonly MappingConfig[],
  { accounts, stateDir, file, report }: OverlapSurroundings,
): void {
  for (const [index, mapping] of mappings.entries()) {
    const path = ["mappings", mapping.name];
    if (pathsOverlap(mapping.folder, stateDir)) {
      report(
        [...path, "folder"],
        `the folder ${mapping.folder} and the state folder ${stateDir} overlap: move one of them`,
      );
    }
    if (pathsInside(mapping.folder, file).length > 0) {
      report(
        [...path, "folder"],
        `the folder ${mapping.folder} holds this config file, which would be written to KV: give the values a folder of their own`,
      );
    }
    for (const other of mappings.slice(0, index)) {
      if (pathsOverlap(mapping.folder, other.folder)) {
        report(
          [...path, "folder"],
          `its folder ${mapping.folder} overlaps that of mapping "${other.name}", ${other.folder}`,
        );
      }
      if (sameKeys(mapping, other, accounts)) {
        report(
          [...path, "namespace"],
          `its keys overlap those of mapping "${other.name}": both are in namespace "${mapping.namespace}", and one prefix begins with the other`,
        );
      }
    }
  }
}

/** Reports each repository that lies in the folder of a mapping: its packs would be written to KV. */
export function checkRepositories(
  repositories: ReadonlyMap<string, RepositoryConfig>,
  mappings: ReadonlyMap<string, MappingConfig>,
  report: Report,
): void {
  for (const [name, { store }] of repositories) {
    if (store.kind !== "folder") continue;
    for (const mapping of mappings.values()) {
      if (!pathsOverlap(mapping.folder, store.path)) continue;
      report(
        ["repositories", name, "store"],
        `the folder ${store.path} overlaps that of mapping "${mapping.name}", ${mapping.folder}: move one of them`,
      );
    }
  }
}

function sameKeys(a: MappingConfig, b: MappingConfig, accounts: ReadonlyMap<string, AccountConfig>): boolean {
  if (a.namespace !== b.namespace || !sameAccount(accounts.get(a.account), accounts.get(b.account))) return false;
  return prefixesOverlap(a.prefix, b.prefix);
}

export function prefixesOverlap(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}

/** Two names may stand for one account, with two tokens. */
export function sameAccount(a: AccountConfig | undefined, b: AccountConfig | undefined): boolean {
  if (a === undefined || b === undefined || a.accountId !== b.accountId || a.endpoint.kind !== b.endpoint.kind)
    return a === b;
  return (
    a.endpoint.kind === "embedded" ||
    (b.endpoint.kind === "remote" && addressOf(a.endpoint.baseUrl) === addressOf(b.endpoint.baseUrl))
  );
}

/** One text for each server: this machine has several names. */
function addressOf(baseUrl: string): string {
  const url = new URL(baseUrl);
  if (isLoopback(url.hostname)) url.hostname = "localhost";
  return url.href;
}
