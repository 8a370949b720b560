// The files of the status page, read once: a kvsync that is updated while the daemon runs must not give new files to an old daemon's page.

import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Asset {
  readonly contentType: string;
  readonly body: Buffer;
}

const ASSETS: Readonly<Record<string, readonly [file: string, contentType: string]>> = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/page.js": ["page.js", "text/javascript; charset=utf-8"],
  "/page.css": ["page.css", "text/css; charset=utf-8"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
};

/** By path; a file that is missing has none. */
export function readAssets(folder: string): ReadonlyMap<string, Asset> {
  return new Map(
    Object.entries(ASSETS).flatMap(([path, [file, contentType]]): [string, Asset][] => {
      const body = readIfThere(join(folder, file));
      return body === undefined ? [] : [[path, { contentType, body }]];
    }),
  );
}

export function isAssetPath(path: string): boolean {
  return Object.hasOwn(ASSETS, path);
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
