// What a process holds of the kernel, told by the kernel.

import { readdirSync, readFileSync } from "node:fs";

/** How many inotify watches and descriptors this process has. */
export function countHandles(): { readonly watches: number; readonly descriptors: number } {
  const descriptors = readdirSync("/proc/self/fd");
  let watches = 0;
  for (const name of descriptors) {
    try {
      watches += readFileSync(`/proc/self/fdinfo/${name}`, "latin1").split("\ninotify wd:").length - 1;
    } catch (error) {
      // The one that listed the folder.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return { watches, descriptors: descriptors.length };
}
