// wrangler's config of the project one stands in, read.

import { relative } from "node:path";
import { AppError, visible } from "../../core/errors.ts";
import type { ReadFile } from "../secret.ts";
import { parseWranglerConfig, type WranglerConfig } from "./parse-wrangler-config.ts";
import { findWranglerFile } from "./wrangler-file.ts";

/** Throws AppError "config-missing" if there is none in `cwd` and above it, and "config-invalid". */
export function findWranglerConfig(cwd: string, readFile: ReadFile): WranglerConfig {
  const found = findWranglerFile(cwd, readFile);
  if (found !== undefined) return parseWranglerConfig(found.text, visible(relative(cwd, found.path)));
  throw new AppError(
    "config-missing",
    `there is no wrangler.jsonc, wrangler.json or wrangler.toml in ${visible(cwd)}, nor in a folder above it`,
    { hint: "type the command in the folder of your Worker; or name the namespace itself: ACCOUNT:NAMESPACE" },
  );
}
