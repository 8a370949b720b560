// What the config alone cannot tell of two mappings: that their folders are one folder under two names, or their
// namespaces one namespace, by its title here and by its id there. Each would remove what the other puts there.

import type { AccountConfig, Config, MappingConfig } from "../config/config.ts";
import { prefixesOverlap, sameAccount } from "../config/overlap.ts";
import { AppError } from "../core/errors.ts";
import type { MappingFactsStore } from "../journal/mapping-facts.ts";
import type { Namespace } from "../kv/kv-api.ts";
import { pathsInside, pathsInsideMounts, pathsOverlap } from "../replica/tree/paths-inside.ts";
import { placeOf } from "./mapping-facts.ts";

export interface Neighbourhood {
  readonly stateDir: string;
  readonly facts: MappingFactsStore;
  /** What the config says now; undefined: nothing is known of other mappings. */
  readonly config: Config | undefined;
}

/** Throws AppError `config-invalid` if `mapping`, whose namespace was found to be `namespace`, would fight with another
 * mapping, or would carry the state folder or the config file. */
export function checkNeighbours(
  mapping: MappingConfig,
  account: AccountConfig,
  namespace: Namespace | undefined,
  { stateDir, facts, config }: Neighbourhood,
): void {
  const { name, folder, prefix } = mapping;
  if (pathsOverlap(folder, stateDir) || pathsInsideMounts(folder, stateDir).length > 0) {
    throw refused(`the folder ${folder} of mapping "${name}" and the state folder ${stateDir} overlap`, "state_dir");
  }
  if (config?.file !== undefined && pathsInside(folder, config.file).length > 0) {
    throw refused(`the folder ${folder} of mapping "${name}" holds the config file ${config.file}`, "folder");
  }
  for (const other of config?.mappings.values() ?? []) {
    if (other.name === name) continue;
    if (pathsOverlap(folder, other.folder)) {
      throw refused(
        `mappings "${name}" and "${other.name}" are about the same files: ${folder} and ${other.folder}`,
        "folder",
      );
    }
    const otherAccount = config?.accounts.get(other.account);
    if (namespace === undefined || otherAccount === undefined || !prefixesOverlap(prefix, other.prefix)) continue;
    const isNamed = other.namespace === namespace.title || other.namespace === namespace.id;
    const isSame =
      (isNamed && sameAccount(account, otherAccount)) ||
      (account.accountId === otherAccount.accountId &&
        facts.get(other.name, placeOf(other, otherAccount))?.namespaceId === namespace.id);
    if (isSame) {
      throw refused(
        `mappings "${name}" and "${other.name}" are about the same keys: ${mapping.namespace} and ${other.namespace} are one namespace`,
        "namespace",
      );
    }
  }
}

function refused(message: string, key: string): AppError {
  return new AppError("config-invalid", message, {
    hint: `correct ${key} in the config; nothing was written or removed`,
  });
}
