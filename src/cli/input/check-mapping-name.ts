// Whether a name that was typed is one of a mapping.

import { closestName } from "../../config/closest-name.ts";
import type { Config } from "../../config/config.ts";
import { knownMappings } from "../../config/known-mappings.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { Context } from "../context.ts";

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
