// The file that an export writes: beside its name as NAME.part until it is whole, then synced and renamed. What is killed on
// the way leaves only the part. What is no file (a pipe, a device) is written to as it is.

import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  write,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { AppError, visible } from "../../core/errors.ts";
import { ioError } from "../../config/read-file.ts";
import { faultCode, isDiskFull } from "../../replica/tree/fs-fault.ts";
import { shellWord } from "../../core/shell-word.ts";
import { adopt } from "../../replica/tree/write/temp-file.ts";

export interface ExportFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Something of this name was there, and is kept until the end. */
  readonly replaces: boolean;
  /** False: it is no file, and is written to as it is. */
  readonly isReplaced: boolean;
  /** Where the bytes are until they are in their place. */
  readonly partPath: string;
  /** Syncs the file, and gives it its name. */
  commit(): void;
  /** Syncs the file, and leaves it beside its name. */
  keepPart(): void;
  /** Removes it, unless it was committed or kept. */
  close(): void;
}

/** Throws as node:fs does. */
export function openExportFile(path: string): ExportFile {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true)
    throw new AppError("usage", `${visible(path)} is a folder`, { hint: "name a file" });
  const isReplaced = found === undefined || found.isFile();
  // A symbolic link goes on to be one.
  const real = found === undefined ? path : realpathSync(path);
  const partPath = isReplaced ? `${real}.part` : real;
  const fd = isReplaced ? openPart(partPath, found) : openSync(real, "w");
  let isOpen = true;
  let isKept = !isReplaced;
  const sync = (): void => {
    if (isReplaced) fsyncSync(fd);
  };
  const isOurs = (): boolean => {
    const there = statSync(partPath, { throwIfNoEntry: false });
    const own = fstatSync(fd);
    return there?.ino === own.ino && there.dev === own.dev;
  };
  return {
    write: (bytes) => writeAll(fd, bytes),
    replaces: found?.isFile() === true,
    isReplaced,
    partPath,
    commit() {
      sync();
      if (!isReplaced) return;
      if (!isOurs()) {
        throw new AppError("io", `${visible(partPath)} was replaced while it was written`, {
          hint: "another export may be writing to the same file: run them one after the other",
        });
      }
      renameSync(partPath, real);
      isKept = true;
      syncFolder(dirname(real));
    },
    keepPart() {
      sync();
      isKept = true;
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      if (!isKept && isOurs()) rmSync(partPath, { force: true });
      closeSync(fd);
    },
  };
}

const writeSome = promisify(write);

async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength;)
    at += (await writeSome(fd, bytes, at, bytes.byteLength - at, null)).bytesWritten;
}

/** What a killed export left is no reason to fail: it is removed, and whoever still writes to it keeps a file without a name. */
function openPart(partPath: string, replaced: Stats | undefined): number {
  rmSync(partPath, { force: true });
  const fd = openSync(partPath, "wx", replaced === undefined ? 0o666 : 0o600);
  if (replaced !== undefined) adopt(fd, replaced);
  return fd;
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** What the file system refused, told to people. */
export function exportFailure(error: unknown, path: string): unknown {
  if (!(error instanceof Error && "syscall" in error)) return error;
  if (isDiskFull(error)) {
    return new AppError("disk-full", `the disk of ${visible(path)} is full: nothing was exported`, {
      hint: "make room there, and run again",
    });
  }
  const folder = dirname(path);
  if (faultCode(error) === "ENOENT" && !existsSync(folder)) {
    return new AppError("io", `could not write ${visible(path)}: there is no folder ${visible(folder)}`, {
      hint: `make it: mkdir -p ${shellWord(folder)}`,
      cause: error,
    });
  }
  return ioError(error, `could not write ${visible(path)}`);
}
