// The folders of a folder store, opened one after another from its root without following a symbolic link. What is then done
// inside goes by way of the descriptor (`/proc/self/fd/N/name`) where the system has that: a folder that someone swaps for a
// symbolic link meanwhile does not lead us out, and a disk that is unmounted meanwhile does not let us fill the folder below it.

import { closeSync, constants, fstatSync, fsyncSync, lstatSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { AppError, visible } from "../../core/errors.ts";
import { closeFile } from "../../replica/tree/close-file.ts";
import { FOLDER_FLAGS } from "../../replica/tree/folder-handles.ts";
import { faultCode } from "../../replica/tree/fs-fault.ts";
import { syncAll } from "../../replica/tree/write/sync-files.ts";

/** Others of this machine see nothing of a repository, whatever the umask is. */
const FOLDER_MODE = 0o700;

export interface StoreFolder {
  /** What file names are appended to, after a "/". */
  readonly base: string;
  /** Makes what was created or removed in it last. Throws what the file system refuses with. */
  sync(): Promise<void>;
  close(): void;
}

export class StoreFolders {
  readonly #root: string;
  #rootFd: number | undefined;
  #byDescriptor = false;
  /** Folders that are known to be on disk with the folders above them. */
  readonly #lasting = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  /** The folder at `path`, which is "" or names joined by "/"; undefined if there is none. The caller closes it. */
  open(path: string): StoreFolder | undefined {
    const fd = this.#openRoot();
    return fd === undefined ? undefined : this.#walk(fd, path, (base) => openFolder(base));
  }

  /** Like {@link open}, but makes the folders that are not there. */
  make(path: string): StoreFolder {
    const fd = this.#openRoot() ?? this.#makeRoot();
    const made = this.#walk(fd, path, (base, parentFd, at) => {
      const found = openFolder(base);
      if (found === undefined) makeFolder(base);
      // One that is there may have been made by another process a moment ago.
      if (found === undefined || !this.#lasting.has(at)) fsyncFolder(parentFd);
      this.#lasting.add(at);
      return found ?? openFolder(base);
    });
    if (made !== undefined) return made;
    throw removedMeanwhile(this.#shown(path));
  }

  close(): void {
    if (this.#rootFd !== undefined) closeFile(this.#rootFd);
    this.#rootFd = undefined;
  }

  #openRoot(): number | undefined {
    if (this.#rootFd !== undefined) {
      // What was removed as a whole has nothing in it: that must not be taken for an empty repository.
      if (fstatSync(this.#rootFd).nlink === 0) throw removedMeanwhile(this.#root);
      return this.#rootFd;
    }
    let fd: number;
    try {
      // The root may be a symbolic link: it is what the user named.
      fd = openSync(`${this.#root}/.`, constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (error) {
      const code = faultCode(error);
      if (code === "ENOENT") return undefined;
      if (code !== "ENOTDIR") throw error;
      throw new AppError("io", `${visible(this.#root)} is no folder`);
    }
    this.#rootFd = fd;
    this.#byDescriptor = isSame(fd, `/proc/self/fd/${fd}/.`);
    return fd;
  }

  #makeRoot(): number {
    const first = mkdirSync(this.#root, { recursive: true, mode: FOLDER_MODE }) ?? this.#root;
    for (const path of upwards(this.#root, first)) {
      const parent = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
      fsyncFolder(parent);
      closeSync(parent);
    }
    const fd = this.#openRoot();
    if (fd !== undefined) return fd;
    throw removedMeanwhile(this.#root);
  }

  /** Opens the folders of `path` one by one with `step`, and closes all but the last. */
  #walk(
    rootFd: number,
    path: string,
    step: (base: string, parentFd: number, at: string) => number | undefined,
  ): StoreFolder | undefined {
    let fd = rootFd;
    let at = "";
    for (const name of path === "" ? [] : path.split("/")) {
      const parent = fd;
      const base = `${this.#baseOf(parent, at)}/${name}`;
      at = at === "" ? name : `${at}/${name}`;
      try {
        const next = step(base, parent, at);
        if (next === undefined) return undefined;
        fd = next;
      } catch (error) {
        throw this.#explain(error, base, at);
      } finally {
        if (parent !== rootFd) closeFile(parent);
      }
    }
    const base = this.#baseOf(fd, at);
    return {
      base,
      async sync() {
        const [fault] = await syncAll([fd]);
        if (fault !== undefined) throw fault;
      },
      close: () => {
        if (fd !== rootFd) closeFile(fd);
      },
    };
  }

  #baseOf(fd: number, path: string): string {
    if (this.#byDescriptor) return `/proc/self/fd/${fd}`;
    return path === "" ? this.#root : `${this.#root}/${path}`;
  }

  #explain(error: unknown, base: string, at: string): unknown {
    if (error instanceof AppError) return error;
    const code = faultCode(error);
    if (code !== "ENOTDIR" && code !== "ELOOP") return error;
    const isLink = lstatSync(base, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    return isLink ? linkInTheWay(this.#shown(at)) : new AppError("io", `${this.#shown(at)} is no folder`);
  }

  #shown(path: string): string {
    return visible(`${this.#root}/${path}`);
  }
}

export function linkInTheWay(shown: string): AppError {
  return new AppError("io", `${shown} is a symbolic link, and kvsync follows none inside a repository`, {
    hint: "put what it leads to in its place, or mount it there",
  });
}

function removedMeanwhile(path: string): AppError {
  return new AppError("io", `${visible(path)} was removed while it was used`);
}

/** `path` and the folders above it, up to `top`. */
function upwards(path: string, top: string): readonly string[] {
  return path.length <= top.length ? [path] : [path, ...upwards(dirname(path), top)];
}

/** Undefined: there is none. */
function openFolder(path: string): number | undefined {
  try {
    return openSync(path, FOLDER_FLAGS);
  } catch (error) {
    if (faultCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: FOLDER_MODE });
  } catch (error) {
    if (faultCode(error) !== "EEXIST") throw error;
  }
}

/** Some file systems have no fsync for folders (EINVAL): then there is nothing to wait for. */
function fsyncFolder(fd: number): void {
  try {
    fsyncSync(fd);
  } catch (error) {
    if (faultCode(error) !== "EINVAL") throw error;
  }
}

function isSame(fd: number, path: string): boolean {
  const [own, found] = [fstatSync(fd), statSync(path, { throwIfNoEntry: false })];
  return found !== undefined && own.dev === found.dev && own.ino === found.ino;
}
