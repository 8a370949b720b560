// File signatures from what `stat` tells.

import type { Stats } from "node:fs";
import type { FileSignature } from "../../core/entry.ts";

export function signatureOf(stats: Stats): FileSignature {
  return { size: stats.size, mtimeMs: stats.mtimeMs, ctimeMs: stats.ctimeMs, inode: stats.ino };
}

/** What a file is that is neither a regular file nor a folder. */
export function describeKind(stats: Stats): string {
  if (stats.isDirectory()) return "a folder";
  if (stats.isSymbolicLink()) return "a symbolic link";
  if (stats.isSocket()) return "a socket";
  if (stats.isFIFO()) return "a FIFO";
  return "a device";
}
