// Which folders this process watches, as the kernel tells of it (proc_pid_fdinfo(5)): the only way to know that a folder is
// watched which took the place of another one, since it may have the inode of that one.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { faultCode } from "../../replica/tree/fs-fault.ts";

/** The inodes of all that is watched, for whatever reason; undefined where the kernel does not tell. */
export function readWatchedInodes(): ReadonlySet<number> | undefined {
  const inodes = new Set<number>();
  try {
    for (const descriptor of readdirSync("/proc/self/fd")) {
      if (!isInotify(descriptor)) continue;
      const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1");
      for (const [, inode = ""] of info.matchAll(/^inotify wd:\S+ ino:(\S+)/gm)) inodes.add(Number.parseInt(inode, 16));
    }
  } catch (error) {
    faultCode(error);
    return undefined;
  }
  return inodes;
}

function isInotify(descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`) === "anon_inode:inotify";
  } catch (error) {
    // The one that listed the others.
    faultCode(error);
    return false;
  }
}
