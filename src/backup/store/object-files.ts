// The files of a folder store, one at a time: written beside their name and then given it, read, looked at, removed.

import { constants, lstatSync, type Stats, unlinkSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { faultCode } from "../../replica/tree/fs-fault.ts";
import { NEW_FILE_FLAGS } from "../../replica/tree/write/new-files.ts";
import { linkFile } from "../../replica/tree/write/temp-file.ts";
import { shortObject } from "./short-object.ts";
import type { Range, StoredObject } from "./store.ts";
import { linkInTheWay } from "./store-folders.ts";

const FILE_MODE = 0o600;
/** A pipe that someone put there is not waited for. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** A process that was stopped between writing an object and naming it must not make the object look old: marks and packs go by their age. */
const NAMING_MS_MAX = 60_000;

interface NewFile {
  /** For the time until it has its name. */
  readonly temp: string;
  readonly target: string;
  /** The object's. */
  readonly name: string;
}

/** Throws what the file system refuses with, and leaves nothing then. */
export async function writeNewFile(paths: NewFile, bytes: Uint8Array): Promise<"written" | "exists"> {
  if (isObject(paths.target, paths.name)) return "exists";
  const file = await writeTemp(paths.temp, bytes);
  try {
    const placed = linkFile(paths.temp, paths.target);
    if (placed !== "renamed") removeFile(paths.temp);
    if (placed === false) {
      isObject(paths.target, paths.name);
      return "exists";
    }
    const { ctimeMs, mtimeMs } = await file.stat();
    if (ctimeMs - mtimeMs > NAMING_MS_MAX) await file.utimes(ctimeMs / 1000, ctimeMs / 1000);
    return "written";
  } finally {
    await file.close();
  }
}

async function writeTemp(path: string, bytes: Uint8Array): Promise<FileHandle> {
  const file = await open(path, NEW_FILE_FLAGS, FILE_MODE);
  try {
    await file.writeFile(bytes);
    await file.sync();
    return file;
  } catch (error) {
    await file.close();
    removeFile(path);
    throw error;
  }
}

/** The time by the file system's clock, as a new file at `path` shows it. */
export async function readFileTime(path: string): Promise<EpochMs> {
  const file = await open(path, NEW_FILE_FLAGS, FILE_MODE);
  try {
    return Math.floor((await file.stat()).mtimeMs) as EpochMs;
  } finally {
    await file.close();
    removeFile(path);
  }
}

/** Undefined: there is none. */
export async function readFile(
  path: string,
  range: Range | undefined,
  shown: { readonly name: string; readonly label: string },
): Promise<Uint8Array | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, READ_FLAGS);
  } catch (error) {
    const code = faultCode(error);
    if (code === "ENOENT") return undefined;
    throw code === "ELOOP" ? linkInTheWay(shown.name) : error;
  }
  try {
    const { size } = checkFile(await file.stat(), shown.name);
    const { at, length } = range ?? { at: 0, length: size };
    const bytes = Buffer.allocUnsafeSlow(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await file.read(bytes, done, length - done, at + done);
      if (bytesRead === 0) throw shortObject({ ...shown, size, range: { at, length } });
      done += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** Whether an object is there. Throws AppError "io" if it is something else. */
function isObject(path: string, name: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats !== undefined && checkFile(stats, name).isFile();
}

/** Throws AppError "io" if it is something else than a file. */
export function checkFile(stats: Stats, name: string): Stats {
  if (stats.isSymbolicLink()) throw linkInTheWay(name);
  if (!stats.isFile()) throw new AppError("io", `${name} is no file`);
  return stats;
}

export function objectOf(name: string, { size, mtimeMs }: Stats): StoredObject {
  return { name, size, modified: Math.floor(mtimeMs) as EpochMs };
}

export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (faultCode(error) !== "ENOENT") throw error;
  }
}
