// Which of wrangler's configs is meant: that of the project one stands in.

import { dirname, join, relative } from "node:path";
import { AppError, visible } from "../../core/errors.ts";
import type { ReadFile } from "../secret.ts";
import { parseWranglerConfig, type WranglerConfig } from "./parse-wrangler-config.ts";

/** Of several in one folder wrangler reads the first of these. */
const NAMES = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/** That of `cwd`, or of the nearest folder above it that has one. Throws AppError "config-missing" if there is none, and "config-invalid". */
export function findWranglerConfig(cwd: string, readFile: ReadFile): WranglerConfig {
  for (let folder = cwd; ; folder = dirname(folder)) {
    for (const name of NAMES) {
      const path = join(folder, name);
      const text = readFile(path);
      if (text !== undefined) return parseWranglerConfig(text, visible(relative(cwd, path)));
    }
    if (dirname(folder) === folder) break;
  }
  throw new AppError(
    "config-missing",
    `there is no wrangler.jsonc, wrangler.json or wrangler.toml in ${visible(cwd)}, nor in a folder above it`,
    { hint: "type the command in the folder of your Worker; or name the namespace itself: ACCOUNT:NAMESPACE" },
  );
}
