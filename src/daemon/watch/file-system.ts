// Whether the file system under the root tells of every change.

import { statfsSync } from "node:fs";
import { faultCode } from "../../replica/tree/fs-fault.ts";

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

/** The name of the file system at `root` if its changes can be made where this machine's kernel does not see them. Of an
 * unknown one nothing is assumed. */
export function findHiddenChanges(root: string): string | undefined {
  try {
    return HIDING_CHANGES.get(statfsSync(root).type >>> 0);
  } catch (error) {
    faultCode(error);
    return undefined;
  }
}
