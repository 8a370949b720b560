// Which folder a path names. The system gives the inode of a folder that was removed to the next one that is made.

import type { Stats } from "node:fs";

export interface FolderIdentity {
  readonly device: number;
  readonly inode: number;
  /** By the system's clock; 0 where the file system does not keep it. */
  readonly bornMs: number;
}

export function identityOf({ dev, ino, birthtimeMs }: Stats): FolderIdentity {
  return { device: dev, inode: ino, bornMs: birthtimeMs };
}

export function hasInodeOf(before: FolderIdentity, { dev, ino }: Stats): boolean {
  return before.device === dev && before.inode === ino;
}

/** False also if that cannot be known. */
export function isSameFolder(before: FolderIdentity, stats: Stats): boolean {
  return hasInodeOf(before, stats) && before.bornMs === stats.birthtimeMs && before.bornMs !== 0;
}
