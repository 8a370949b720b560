// `auto`: every folder under the root that no mapping covers is a mapping of its own, with the folder's name as its
// namespace's title.

import { resolve } from "node:path";
import { compileFilter } from "../core/filter.ts";
import { pathsOverlap } from "../replica/tree/paths-inside.ts";
import { NAME } from "./field.ts";
import type { Config, MappingConfig } from "./config.ts";

export interface AutoMappings {
  readonly mappings: readonly MappingConfig[];
  /** Folders whose names cannot name a mapping: to be reported. */
  readonly skipped: readonly string[];
}

/** The mappings that `config.auto` makes of `folderNames`, which are those right under its root. Hidden folders, and
 * those that hold or lie in a mapping's folder or the state folder, are left out, and so is node_modules. */
export function autoMappings(config: Config, folderNames: readonly string[]): AutoMappings {
  const { auto } = config;
  if (auto === undefined) return { mappings: [], skipped: [] };
  const taken = [config.stateDir, ...[...config.mappings.values()].map((mapping) => mapping.folder)];
  const byDefault = compileFilter({ excludeDefaults: true });
  const free = folderNames.filter(
    (name) =>
      !name.startsWith(".") &&
      (!auto.excludeDefaults || byDefault.mayContain(`${name}/`)) &&
      !config.mappings.has(name) &&
      !taken.some((folder) => pathsOverlap(folder, resolve(auto.root, name))),
  );
  const { root, ...policy } = auto;
  return {
    mappings: free
      .filter((name) => NAME.test(name))
      .map((name) => ({ ...policy, name, folder: resolve(root, name), namespace: name, prefix: "" })),
    skipped: free.filter((name) => !NAME.test(name)),
  };
}
