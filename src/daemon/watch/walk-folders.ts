// The folders of a tree as they are on disk, to compare with those that are watched. Reading names alone costs a tenth of
// what watching all anew does, which stats every file: 0.2 s for 100,000 files in 1,000 folders.

import { lstatSync, readdirSync, type Stats } from "node:fs";
import { nextTurn } from "../../replica/tree/event-loop.ts";
import { faultCode } from "../../replica/tree/fs-fault.ts";

export interface FoundFolder {
  /** From the root, without a final slash. */
  readonly path: string;
  readonly stats: Stats;
}

/** About 10 ms of work, between which events are taken in. */
const FOLDERS_PER_TURN = 50;

/** The folder `top` itself, "", and those below it but those that `isHidden`, and what is in them. One that
 * vanishes, or that may not be read, holds none. */
export async function* walkFolders(top: string, isHidden: (path: string) => boolean): AsyncGenerator<FoundFolder> {
  const folders = [""];
  let count = 0;
  const stats = statFolder(top);
  if (stats === undefined) return;
  yield { path: "", stats };
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (++count % FOLDERS_PER_TURN === 0) await nextTurn();
    for (const path of foldersIn(top, folder)) {
      const stats = isHidden(path) ? undefined : statFolder(`${top}/${path}`);
      if (stats === undefined) continue;
      yield { path, stats };
      folders.push(path);
    }
  }
}

function foldersIn(top: string, folder: string): readonly string[] {
  try {
    return readdirSync(`${top}/${folder}`, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => (folder === "" ? name : `${folder}/${name}`));
  } catch (error) {
    faultCode(error);
    return [];
  }
}

function statFolder(path: string): Stats | undefined {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats?.isDirectory() === true ? stats : undefined;
  } catch (error) {
    faultCode(error);
    return undefined;
  }
}
