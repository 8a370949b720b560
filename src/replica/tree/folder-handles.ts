// Folders of a tree, opened one after another from the root without following a symbolic link, and kept open for one
// group of files. What is then done inside goes by way of the descriptor (`/proc/self/fd/N/name`) where the system has
// that: a folder that someone swaps for a symbolic link meanwhile does not lead us out of the root. Elsewhere the paths
// are used, and `isInPlace` tells a swap afterwards.

import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
  statSync,
} from "node:fs";
import { closeFile } from "./close-file.ts";
import { describeFault, faultCode } from "./fs-fault.ts";
import { describeKind } from "./file-signature.ts";
import { isInMemory } from "./memory-file-system.ts";
import { countOpenFiles } from "./open-files.ts";
import { syncAll } from "./write/sync-files.ts";
import { type RootIdentity, rootMissing, rootReplaced } from "./tree-root.ts";

export interface FolderHandle {
  /** From the root: "" or names joined by "/". */
  readonly path: string;
  readonly fd: number;
  /** What file names are appended to, after a "/". */
  readonly base: string;
  readonly identity: RootIdentity;
  /** Created by the same run, so that no file of an unlisted kind is in it. */
  readonly isNew: boolean;
  /** Something in it was created, renamed or removed since it was last synced. */
  isDirty: boolean;
  /** How many files being worked on need it open. */
  pins: number;
  /** What is in it has to be synced before it counts as written. */
  readonly needsSync: boolean;
}

export type FolderOutcome =
  | { readonly kind: "folder"; readonly folder: FolderHandle }
  /** The first folder on the way that does not exist. */
  | { readonly kind: "absent"; readonly path: string; readonly parent: FolderHandle; readonly name: string }
  /** Something that is no folder is in the way. */
  | {
      readonly kind: "in-the-way";
      readonly path: string;
      readonly parent: FolderHandle;
      readonly name: string;
      readonly stats: Stats;
    }
  | { readonly kind: "fault"; readonly path: string; readonly error: unknown };

/** What went wrong with syncing folders: with some by their handles, or with one that is not open any more. */
export interface Synced {
  readonly faults: ReadonlyMap<FolderHandle, unknown>;
  readonly fault: unknown;
}

export interface FolderOptions {
  /** What the root is known to be. */
  readonly identity: RootIdentity;
  readonly isDurable: boolean;
  /** How many are kept open; as many as the process may, unless given. */
  readonly foldersMax?: number;
  /** The marks of the folders that this run created, by path; filled as it goes. */
  readonly made?: Map<string, string>;
}

/** Enough for the folders of a run that are still worked on; a folder forgotten only costs a look more a file. */
const MADE_FOLDERS_MAX = 10_000;
/** A folder itself, and nothing that a symbolic link leads to. */
export const FOLDER_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

export class FolderHandles {
  readonly #root: string;
  readonly #rootHandle: FolderHandle;
  readonly #byDescriptor: boolean;
  /** Least recently used first. */
  readonly #open = new Map<string, FolderHandle>();
  /** What went wrong with a folder that was changed and closed again. */
  #syncFault: unknown;
  readonly #options: FolderOptions;
  readonly #foldersMax: number;

  /** Throws AppError `root-missing`, also if the root is not the one that `identity` tells of. */
  constructor(root: string, options: FolderOptions) {
    this.#root = root;
    this.#options = options;
    this.#foldersMax = options.foldersMax ?? countOpenFiles().foldersMax;
    let fd: number;
    try {
      fd = openSync(`${root}/.`, constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (error) {
      throw rootMissing(root, describeFault(error), error);
    }
    const stats = fstatSync(fd);
    const identity = { device: stats.dev, inode: stats.ino };
    if (!isSame(identity, options.identity)) {
      closeSync(fd);
      throw rootReplaced(root);
    }
    this.#byDescriptor = leadsTo(`/proc/self/fd/${fd}/.`, identity);
    this.#rootHandle = {
      path: "",
      fd,
      base: this.#byDescriptor ? `/proc/self/fd/${fd}` : root,
      identity,
      isNew: false,
      isDirty: false,
      pins: 1,
      needsSync: options.isDurable && !isInMemory(`${root}/.`),
    };
  }

  get root(): FolderHandle {
    return this.#rootHandle;
  }

  /** The folder at `path`, which is "" or names joined by "/". */
  open(path: string): FolderOutcome {
    const known = this.#known(path);
    if (known !== undefined) return { kind: "folder", folder: known };
    const at = path.lastIndexOf("/");
    const opened = this.open(at < 0 ? "" : path.slice(0, at));
    if (opened.kind !== "folder") return opened;
    const parent = opened.folder;
    const name = path.slice(at + 1);
    try {
      return { kind: "folder", folder: this.#add(path, parent, name) };
    } catch (error) {
      const code = faultCode(error);
      if (code === "ENOENT") return { kind: "absent", path, parent, name };
      const stats = lookAt(`${parent.base}/${name}`);
      if (stats === undefined || stats.isDirectory()) return { kind: "fault", path, error };
      return { kind: "in-the-way", path, parent, name, stats };
    }
  }

  /** Creates the folder `name`, which {@link open} found absent, and opens it. Throws what `mkdir` throws. */
  create(parent: FolderHandle, name: string): FolderHandle {
    mkdirSync(`${parent.base}/${name}`);
    parent.isDirty = true;
    const path = pathIn(parent, name);
    this.#note(path, lstatSync(`${parent.base}/${name}`));
    return this.#add(path, parent, name);
  }

  /** Takes over the descriptor of a folder that this run made, filled, and has just put in its place. */
  adopt(parent: FolderHandle, name: string, fd: number): FolderHandle {
    const path = pathIn(parent, name);
    this.#note(path, fstatSync(fd));
    const folder = this.#register(path, parent, fd);
    folder.isDirty = parent.isDirty = true;
    return folder;
  }

  /** What the names in a folder that is open as `fd` are appended to; `path` leads to it now. */
  baseOf(fd: number, path: string): string {
    return this.#byDescriptor ? `/proc/self/fd/${fd}` : path;
  }

  #note(path: string, stats: Stats): void {
    const { made } = this.#options;
    if (made !== undefined && made.size < MADE_FOLDERS_MAX) made.set(path, markOf(stats));
  }

  /** Whether the path of `folder` still leads to it. */
  isInPlace(folder: FolderHandle): boolean {
    const path = folder.path === "" ? `${this.#root}/.` : `${this.#root}/${folder.path}`;
    return leadsTo(path, folder.identity);
  }

  /** Makes the changes to all folders last. */
  async sync(): Promise<Synced> {
    const dirty = [this.#rootHandle, ...this.#open.values()].filter((folder) => folder.isDirty);
    for (const folder of dirty) folder.isDirty = false;
    const faults = new Map<FolderHandle, unknown>();
    const toSync = dirty.filter((folder) => folder.needsSync);
    const results = await syncAll(toSync.map((folder) => folder.fd));
    for (const [i, folder] of toSync.entries()) if (results[i] !== undefined) faults.set(folder, results[i]);
    const fault = this.#syncFault;
    this.#syncFault = undefined;
    return { faults, fault };
  }

  close(): void {
    for (const folder of this.#open.values()) closeFile(folder.fd);
    this.#open.clear();
    closeFile(this.#rootHandle.fd);
  }

  #known(path: string): FolderHandle | undefined {
    if (path === "") return this.#rootHandle;
    const folder = this.#open.get(path);
    if (folder === undefined) return undefined;
    this.#open.delete(path);
    this.#open.set(path, folder);
    return folder;
  }

  #add(path: string, parent: FolderHandle, name: string): FolderHandle {
    return this.#register(path, parent, openSync(`${parent.base}/${name}`, FOLDER_FLAGS));
  }

  #register(path: string, parent: FolderHandle, fd: number): FolderHandle {
    const stats = fstatSync(fd);
    const base = this.baseOf(fd, `${this.#root}/${path}`);
    const isMount = stats.dev !== parent.identity.device;
    const folder: FolderHandle = {
      path,
      fd,
      base,
      identity: { device: stats.dev, inode: stats.ino },
      isNew: this.#options.made?.get(path) === markOf(stats),
      isDirty: false,
      pins: 0,
      needsSync: isMount ? this.#options.isDurable && !isInMemory(`${base}/.`) : parent.needsSync,
    };
    this.#open.set(path, folder);
    // The parent may be needed right after, and is not the least recently used: only others are closed.
    if (this.#open.size > this.#foldersMax) this.#closeOne(parent, folder);
    return folder;
  }

  #closeOne(...keep: readonly FolderHandle[]): void {
    for (const folder of this.#open.values()) {
      if (folder.pins > 0 || keep.includes(folder)) continue;
      this.#open.delete(folder.path);
      if (folder.isDirty && folder.needsSync) {
        try {
          fsyncSync(folder.fd);
        } catch (error) {
          this.#syncFault = error;
        }
      }
      closeFile(folder.fd);
      return;
    }
  }
}

/** Whether a symbolic link is where a folder on the way would be. */
export function isLinkInTheWay(outcome: FolderOutcome): boolean {
  return outcome.kind === "in-the-way" && outcome.stats.isSymbolicLink();
}

/** Why nothing can be kept in the folder that `outcome` is about. */
export function describeOutcome(outcome: Exclude<FolderOutcome, { kind: "folder" }>): string {
  switch (outcome.kind) {
    case "absent":
      return `its folder ${outcome.path} does not exist`;
    case "in-the-way":
      if (outcome.stats.isSymbolicLink())
        return `its folder ${outcome.path} is a symbolic link: nothing is written through it`;
      return `${outcome.path} is ${outcome.stats.isFile() ? "a file" : describeKind(outcome.stats)}, and its folder would be there`;
    case "fault":
      return `its folder ${outcome.path} cannot be opened: ${describeFault(outcome.error)}`;
  }
}

/** Tells a folder from another of its name. The inode alone does not: most file systems give the number of a removed folder
 * to the next one that is created. Where the time of birth is not kept, it is the same for all, or none is recognised. */
function markOf({ dev, ino, birthtimeMs }: Stats): string {
  return `${dev}:${ino}:${birthtimeMs}`;
}

function pathIn(parent: FolderHandle, name: string): string {
  return parent.path === "" ? name : `${parent.path}/${name}`;
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    faultCode(error);
    return undefined;
  }
}

function leadsTo(path: string, identity: RootIdentity): boolean {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats !== undefined && isSame({ device: stats.dev, inode: stats.ino }, identity);
  } catch (error) {
    faultCode(error);
    return false;
  }
}

function isSame(a: RootIdentity, b: RootIdentity): boolean {
  return a.device === b.device && a.inode === b.inode;
}
