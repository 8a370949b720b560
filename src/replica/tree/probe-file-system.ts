// What a file system makes of names, found out by trying: whether case counts, and whether Unicode forms do.

import { closeSync, lstatSync, mkdirSync, openSync, rmSync } from "node:fs";
import { tempNameOf } from "../../core/names/temp-name.ts";
import { faultCode } from "./fs-fault.ts";

export interface FileSystemTraits {
  /** False: `a` and `A` are one file. */
  readonly caseSensitive: boolean;
  /** True: a name with a composed letter and one with the decomposed letter are one file. */
  readonly normalises: boolean;
}

const COMPOSED = "\u00e9";
const DECOMPOSED = "e\u0301";

/** Tries it with a temporary folder in `root`. Undefined if nothing can be created there. */
export function probeFileSystem(root: string): FileSystemTraits | undefined {
  try {
    const folder = `${root}/${tempNameOf(`probe${process.pid}`)}`;
    // One that a crash left is used again.
    if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) mkdirSync(folder);
    try {
      closeSync(openSync(`${folder}/a${COMPOSED}`, "w"));
      const exists = (name: string): boolean => lstatSync(`${folder}/${name}`, { throwIfNoEntry: false }) !== undefined;
      return { caseSensitive: !exists(`A${COMPOSED}`), normalises: exists(`a${DECOMPOSED}`) };
    } finally {
      rmSync(folder, { recursive: true });
    }
  } catch (error) {
    faultCode(error);
    return undefined;
  }
}
