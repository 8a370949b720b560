// Patterns of the command line. What is wrong with one is a fault of what was typed: there is no config that it stands in.

import { AppError } from "../../core/errors.ts";

/** Throws AppError "usage" where `parse` throws "config-invalid". */
export function parseTyped<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "config-invalid") throw error;
    const { hint } = error;
    throw new AppError("usage", error.message, { ...(hint !== undefined && { hint }), cause: error });
  }
}
