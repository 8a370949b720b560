// The mappings that there are: those of the config, and those that `auto` finds.

import { readdirSync } from "node:fs";
import { autoMappings } from "./auto-mappings.ts";
import type { Config, MappingConfig } from "./config.ts";

/** Those of the config, with the ones that `auto` finds, if its folder can be read. */
export function knownMappings(config: Config): readonly MappingConfig[] {
  const named = [...config.mappings.values()];
  if (config.auto === undefined) return named;
  try {
    const entries = readdirSync(config.auto.root, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    return [...named, ...autoMappings(config, folders).mappings];
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== "string") throw error;
    return named;
  }
}
