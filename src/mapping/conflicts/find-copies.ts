// Conflict copies in the folder of a mapping: found by their names alone, in one walk that opens no file.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { MappingConfig } from "../../config/config.ts";
import type { EpochMs } from "../../core/clock.ts";
import { compileFilter } from "../../core/filter.ts";
import { TEMP_PREFIX } from "../../core/names/reserved-words.ts";
import { decodeConflictPath } from "../../core/names/path-codec.ts";
import { faultCode } from "../../replica/tree/fs-fault.ts";
import { pathsInside } from "../../replica/tree/paths-inside.ts";

export interface FoundCopy {
  readonly key: string;
  /** From the folder. */
  readonly path: string;
  /** When it was made. */
  readonly at: EpochMs;
  readonly number: number;
}

type Searched = Pick<MappingConfig, "folder" | "names" | "include" | "exclude" | "excludeDefaults" | "symlinks">;

interface Search {
  readonly stateDir: string;
  readonly copiesMax: number;
  /** Copies of which keys; all unless given. */
  readonly isWanted?: (key: string) => boolean;
  readonly signal: AbortSignal;
}

/** The first `copiesMax`, and how many there are besides. A folder that is gone or cannot be read has none. */
export async function findCopies(
  mapping: Searched,
  { stateDir, copiesMax, isWanted = () => true, signal }: Search,
): Promise<{ readonly copies: readonly FoundCopy[]; readonly more: number }> {
  const { folder: root, names } = mapping;
  const { mayContain } = compileFilter(mapping);
  const own = new Set(pathsInside(root, stateDir));
  const copies: FoundCopy[] = [];
  let more = 0;
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    for (const entry of await entriesOf(join(root, folder))) {
      const path = folder + entry.name;
      if (entry.isDirectory()) {
        const isLeftOut = own.has(path) || entry.name.startsWith(TEMP_PREFIX);
        // A path with "%" may be another key's.
        if (!isLeftOut && (path.includes("%") || mayContain(`${path}/`))) folders.push(`${path}/`);
        continue;
      }
      const copy = entry.isFile() && entry.name.includes("%") ? decodeConflictPath(path, names) : undefined;
      if (copy === undefined || !isWanted(copy.key)) continue;
      if (copies.length < copiesMax) copies.push({ ...copy, path });
      else more++;
    }
  }
  return { copies, more };
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    faultCode(error);
    return [];
  }
}
