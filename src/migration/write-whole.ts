// A file that has its name only once it is whole, and keeps it when the machine stops: its bytes are on disk before it gets the name, and the
// name is on disk when this returns.

import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Throws as node:fs does. Folders that are missing are made, for their owner alone, with `makesFolder`. */
export function writeWhole(
  path: string,
  text: string,
  { mode, makesFolder = false }: { readonly mode?: number; readonly makesFolder?: boolean } = {},
): void {
  const part = `${path}.part`;
  const made = makesFolder ? mkdirSync(dirname(path), { recursive: true, mode: 0o700 }) : undefined;
  try {
    const fd = openSync(part, "w", mode);
    try {
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameWhole(part, path);
    if (made === undefined) return;
    // The names of the folders as well.
    for (let folder = dirname(path); folder !== dirname(made); folder = dirname(folder)) syncFolder(dirname(folder));
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

/** `part` must be whole, and on disk. */
export function renameWhole(part: string, path: string): void {
  renameSync(part, path);
  syncFolder(dirname(path));
}

/** Some file systems have no fsync for folders: then there is nothing to wait for. */
function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
  } finally {
    closeSync(folder);
  }
}
