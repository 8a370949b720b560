// Closing what has been synced, or only read: nothing depends on what close says of it.

import { closeSync } from "node:fs";
import { faultCode } from "./fs-fault.ts";

/** Closes `fd`. What the file system reports then (EIO, EDQUOT of a network file system) is no reason to lose the outcomes of
 * the other files: the descriptor is free all the same, and whether the bytes last was told by fsync. */
export function closeFile(fd: number): void {
  try {
    closeSync(fd);
  } catch (error) {
    faultCode(error);
  }
}
