// Mappings that a command is about: by name, or all with --all. A command that changes much takes no silence for all.

import { AppError } from "../../core/errors.ts";

/** Each name once; empty: all. Throws "usage" for neither, and for both. */
export function chosenNames(command: string, names: readonly string[], all = false): readonly string[] {
  if (all && names.length > 0) throw new AppError("usage", "--all goes with no names of mappings");
  if (!all && names.length === 0)
    throw new AppError("usage", "which mapping is meant is not said", {
      hint: `type: kvsync ${command} MAPPING; or --all for all`,
    });
  return [...new Set(names)];
}
