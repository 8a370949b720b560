// The mappings that there are, those of `auto` included, and whether a name is one of them.

import { readdirSync } from "node:fs";
import { autoMappings } from "../../config/auto-mappings.ts";
import { closestName } from "../../config/closest-name.ts";
import type { Config, MappingConfig } from "../../config/config.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { Context } from "../context.ts";

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

/** Throws AppError "usage" if there is no mapping `name`; nothing where the config cannot tell, since it is invalid. */
export async function checkMappingName(context: Context, name: string): Promise<void> {
  let config: Config;
  try {
    config = await context.config();
  } catch (error) {
    if (error instanceof AppError && error.code === "config-invalid") return;
    throw error;
  }
  const names = knownMappings(config).map((mapping) => mapping.name);
  if (names.includes(name)) return;
  const meant = closestName(name, names);
  throw new AppError("usage", `there is no mapping "${visible(name)}"`, {
    hint:
      meant !== undefined
        ? `did you mean "${meant}"?`
        : names.length === 0
          ? "the config has no mappings"
          : `mappings are: ${names.join(", ")}`,
  });
}
