// How many files a tree may hold open at a time: what the process's limit (`ulimit -n`) leaves. Under the usual limits of many
// thousands that is no bound; under 64, as some services and containers have, the tree takes turns: it writes, removes and
// reads as much as before, in smaller groups.

import { readdirSync, readFileSync } from "node:fs";
import { faultCode } from "./fs-fault.ts";

export interface OpenFiles {
  /** Folders kept open at a time, besides those that files being worked on need. */
  readonly foldersMax: number;
  /** Values that are written together: each may have its file open, its sidecar, the file that it replaces, and its folder. */
  readonly writesMax: number;
  /** Values that are removed together: each may have its file open, and its folder. */
  readonly removesMax: number;
}

/** For connections, and whatever else opens files while a group is under way. */
const OTHERS = 16;
const FILES_A_WRITE = 4;
const FILES_A_REMOVE = 2;
/** The root, a folder's parent, and the one file that is read or probed by the way. */
const BESIDES = 4;
/** From here on there is no need to count. */
const PLENTY = 1500;
const FOLDERS_MAX = 64;

/** As things are now. */
export function countOpenFiles(): OpenFiles {
  const free = freeFiles();
  if (free === undefined || free >= PLENTY)
    return { foldersMax: FOLDERS_MAX, writesMax: Infinity, removesMax: Infinity };
  const foldersMax = Math.max(2, Math.min(FOLDERS_MAX, Math.floor(free / 4)));
  const left = Math.max(0, free - foldersMax - BESIDES);
  return {
    foldersMax,
    writesMax: Math.max(1, Math.floor(left / FILES_A_WRITE)),
    removesMax: Math.max(1, Math.floor(left / FILES_A_REMOVE)),
  };
}

/** Undefined where the system does not tell. */
function freeFiles(): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    if (limit === undefined || Number(limit) >= PLENTY * 2) return undefined;
    return Number(limit) - readdirSync("/proc/self/fd").length - OTHERS;
  } catch (error) {
    // Also EMFILE: then there is next to nothing left.
    return faultCode(error) === "ENOENT" ? undefined : 0;
  }
}
