// A folder as a store: an object is a file. It is written beside its name under a temporary one, synced, given its name by a link, which
// replaces nothing, and then its folder is synced. So what has a name is whole, and what `putNew` reported lasts.
//
// - Times are the file system's: of a folder on another machine, that machine's. An object's is when it took its name.
// - A process that is killed leaves a temporary file, which is no object. A listing a day later removes it, and so does a reading of the time.
// - A removal is not synced: what the power cut brings back is garbage, which is removed again.

import { lstatSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { Clock, EpochMs } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { isTempName } from "../../core/names/temp-name.ts";
import { describeFault, diskFull, faultCode, isDiskFull } from "../../replica/tree/fs-fault.ts";
import { tempNames } from "../../replica/tree/write/temp-names.ts";
import { checkFile, objectOf, readFile, readFileTime, removeFile, writeNewFile } from "./object-files.ts";
import { isNamePart, parseObjectName } from "./object-name.ts";
import type { Store, StoredObject } from "./store.ts";
import { linkInTheWay, type StoreFolder, StoreFolders } from "./store-folders.ts";

export interface FolderStoreOptions {
  readonly clock: Clock;
  readonly path: string;
  /** For people; the path unless given. */
  readonly label?: string;
}

/** No object takes this long to be written. */
const LEFTOVER_AGE_MS = 24 * 3_600_000;

/** The folder need not be there: it is made for the first object. */
export function openFolderStore({ clock, path, label = path }: FolderStoreOptions): Store {
  const folders = new StoreFolders(resolve(path));
  const tempName = tempNames(clock);
  const attempt = attemptIn(label);
  const tempIn = (folder: StoreFolder): string => `${folder.base}/${tempName()}`;

  /** Runs `work` in the folder of the object `name`; undefined if there is no such folder. */
  async function within<T>(
    name: string,
    work: (folder: StoreFolder, path: string) => T,
  ): Promise<Awaited<T> | undefined> {
    const { folder: at, file } = parseObjectName(name);
    const folder = folders.open(at);
    return folder && using(folder, () => work(folder, `${folder.base}/${file}`));
  }

  async function timeIn(folder: StoreFolder): Promise<EpochMs> {
    try {
      return await readFileTime(tempIn(folder));
    } catch (error) {
      // Who cannot write here removes nothing either, and shows this time at most.
      if (UNWRITABLE.has(faultCode(error))) return clock.now();
      throw error;
    }
  }

  /** Where the time is read, killed processes leave files, and nothing lists that folder. */
  async function readTime(folder: StoreFolder): Promise<EpochMs> {
    const now = await timeIn(folder);
    removeOld(tempsOf(await readdir(folder.base), folder), now);
    return now;
  }

  /** Also removes what a killed process left there. */
  async function look(at: string, folder: StoreFolder): Promise<FolderContent> {
    const { temps, ...content } = await readContent(at, folder, label);
    if (temps.length > 0) removeOld(temps, await timeIn(folder));
    return content;
  }

  return {
    label,
    putNew: (name, bytes, options) =>
      attempt(`store ${name}`, options?.signal, async () => {
        const { folder: at, file } = parseObjectName(name);
        return using(folders.make(at), async (folder) => {
          const paths = { temp: tempIn(folder), target: `${folder.base}/${file}`, name };
          const outcome = await writeNewFile(paths, bytes);
          // Also for one that was there: whoever wrote it may not have come as far.
          await folder.sync();
          return outcome;
        });
      }),
    get: (name, range, options) =>
      attempt(`read ${name}`, options?.signal, () =>
        within(name, (_, found) => readFile(found, range, { name, label })),
      ),
    head: (name, options) =>
      attempt(`look for ${name}`, options?.signal, () =>
        within(name, (_, found) => {
          const stats = lstatSync(found, { throwIfNoEntry: false });
          return stats && objectOf(name, checkFile(stats, name));
        }),
      ),
    async *list(prefix, options) {
      const paths = [prefix.replace(/\/$/, "")];
      for (let at = paths.pop(); at !== undefined; at = paths.pop()) {
        const here = at;
        const content = await attempt(`list ${here}`, options?.signal, async () => {
          const folder = folders.open(here);
          return folder && using(folder, () => look(here, folder));
        });
        if (content === undefined) continue;
        paths.push(...content.inside);
        if (content.objects.length > 0) yield content.objects;
      }
    },
    remove: (name, options) =>
      attempt(`remove ${name}`, options?.signal, () => within(name, (_, found) => removeFile(found))),
    now: (options) =>
      attempt("tell the time", options?.signal, async () => {
        const folder = folders.open("");
        return folder === undefined ? clock.now() : using(folder, () => readTime(folder));
      }),
    close: async () => folders.close(),
  };
}

const UNWRITABLE: ReadonlySet<string> = new Set(["EROFS", "EACCES", "EPERM"]);

async function using<T>(folder: StoreFolder, work: (folder: StoreFolder) => T): Promise<Awaited<T>> {
  try {
    return await work(folder);
  } finally {
    folder.close();
  }
}

interface FolderContent {
  readonly objects: readonly StoredObject[];
  /** Folders in it. */
  readonly inside: readonly string[];
}

async function readContent(
  at: string,
  folder: StoreFolder,
  label: string,
): Promise<FolderContent & { readonly temps: readonly string[] }> {
  const { base } = folder;
  const [objects, inside]: [StoredObject[], string[]] = [[], []];
  const names = await readdir(base);
  for (const name of names) {
    const full = at === "" ? name : `${at}/${name}`;
    if (!isNamePart(name)) continue;
    const stats = lstatSync(`${base}/${name}`, { throwIfNoEntry: false });
    if (stats?.isSymbolicLink() === true) throw linkInTheWay(visible(`${label}/${full}`));
    if (stats?.isFile() === true) objects.push(objectOf(full, stats));
    if (stats?.isDirectory() === true) inside.push(full);
  }
  return { objects, inside, temps: tempsOf(names, folder) };
}

function tempsOf(names: readonly string[], { base }: StoreFolder): readonly string[] {
  return names.filter(isTempName).map((name) => `${base}/${name}`);
}

/** Runs `work`, and tells what the file system refused as a failure of the store. */
function attemptIn(label: string) {
  return async <T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> => {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (error instanceof AppError) throw error;
      if (isDiskFull(error)) throw diskFull(label);
      throw new AppError("io", `could not ${what} in ${visible(label)}: ${describeFault(error)}`, { cause: error });
    }
  };
}

function removeOld(paths: readonly string[], now: EpochMs): void {
  for (const path of paths) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isFile() !== true || now - stats.mtimeMs < LEFTOVER_AGE_MS) continue;
    try {
      removeFile(path);
    } catch (error) {
      // It may be another user's: it is no object, and does no harm.
      faultCode(error);
    }
  }
}
