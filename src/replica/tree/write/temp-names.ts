// Temporary files and folders `%tmp-...`: how they are named, and how those that a crash left are removed. A folder holds
// files only (new-folder.ts).

import { lstatSync, readdirSync, rmdirSync, type Stats, unlinkSync } from "node:fs";
import type { Clock, DurationMs } from "../../../core/clock.ts";
import { tempNameOf } from "../../../core/names/temp-name.ts";
import { faultCode } from "../fs-fault.ts";

/** No write takes this long, so that what is older belongs to no one. */
const LEFTOVER_AGE_MS: DurationMs = 3_600_000;
const LEFTOVERS_MAX = 1000;

/** Names that no other process is likely to use; whoever creates one still refuses to overwrite. */
export function tempNames(clock: Clock): () => string {
  const run = Math.floor(clock.random() * 36 ** 8).toString(36);
  let count = 0;
  return () => tempNameOf(`${run}${(count++).toString(36)}`);
}

/** What walks have seen of temporary files and folders from an hour ago or more; forgets beyond a bound, for the next walk to find. */
export class Leftovers {
  readonly #clock: Clock;
  readonly #paths = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `path`: absolute. */
  note(path: string): void {
    if (this.#paths.size < LEFTOVERS_MAX && this.#leftover(path) !== undefined) this.#paths.add(path);
  }

  removeAll(): void {
    for (const path of this.#paths) {
      const stats = this.#leftover(path);
      if (stats === undefined) continue;
      try {
        if (stats.isDirectory()) removeFolder(path);
        else unlinkSync(path);
      } catch (error) {
        // It harms no one where it is, and the next walk notes it again.
        faultCode(error);
      }
    }
    this.#paths.clear();
  }

  #leftover(path: string): Stats | undefined {
    try {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats === undefined || (!stats.isFile() && !stats.isDirectory())) return undefined;
      return this.#clock.now() - Math.max(stats.mtimeMs, stats.ctimeMs) > LEFTOVER_AGE_MS ? stats : undefined;
    } catch (error) {
      faultCode(error);
      return undefined;
    }
  }
}

/** Not a folder in it: that is none of ours, and then it stays. */
function removeFolder(path: string): void {
  const items = readdirSync(path, { withFileTypes: true });
  if (items.some((item) => !item.isFile())) return;
  for (const { name } of items) unlinkSync(`${path}/${name}`);
  rmdirSync(path);
}
