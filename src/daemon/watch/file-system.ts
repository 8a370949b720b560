// What the file system under the root is good for: whether it tells of every change, and whether a folder's link count
// tells that it holds no folders.

import { statfsSync } from "node:fs";
import { faultCode } from "../../replica/tree/fs-fault.ts";

export interface FileSystem {
  /** The name of one whose changes can be made where this machine's kernel does not see them. */
  readonly hidesChangesAs: string | undefined;
  /** A folder has 2 links and one more for each folder in it, so one with 2 need not be read to find none. */
  readonly countsFolders: boolean;
}

/** By the magic numbers of statfs(2) and linux/magic.h. */
const HIDING_CHANGES: ReadonlyMap<number, string> = new Map([
  [0x6969, "nfs"],
  [0x517b, "smb"],
  [0xff534d42, "cifs"],
  [0xfe534d42, "smb"],
  [0x65735546, "fuse"],
  [0x01021997, "9p"],
  [0x00c36400, "ceph"],
  [0x5346414f, "afs"],
  [0x6b414653, "afs"],
  [0x73757245, "coda"],
  [0x01161970, "gfs2"],
  [0x7461636f, "ocfs2"],
  [0x0bd00bd0, "lustre"],
  [0x786f4256, "vboxsf"],
]);

/** ext2 to ext4, XFS and tmpfs. Others keep 1 (btrfs, some of overlay), or whatever they like (fuse). */
const COUNTING_FOLDERS: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x01021994]);

/** Of an unknown one nothing is assumed. */
export function readFileSystem(root: string): FileSystem {
  try {
    const type = statfsSync(root).type >>> 0;
    return { hidesChangesAs: HIDING_CHANGES.get(type), countsFolders: COUNTING_FOLDERS.has(type) };
  } catch (error) {
    faultCode(error);
    return { hidesChangesAs: undefined, countsFolders: false };
  }
}
