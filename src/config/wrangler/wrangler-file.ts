// Which of wrangler's configs is meant: that of the project one stands in.

import { dirname, join } from "node:path";
import type { ReadFile } from "../secret.ts";

/** Of several in one folder wrangler reads the first of these. */
const NAMES = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/** That of `cwd`, or of the nearest folder above it that has one; undefined: there is none. */
export function findWranglerFile(
  cwd: string,
  readFile: ReadFile,
): { readonly path: string; readonly text: string } | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    for (const name of NAMES) {
      const path = join(folder, name);
      const text = readFile(path);
      if (text !== undefined) return { path, text };
    }
    if (dirname(folder) === folder) return undefined;
  }
}
