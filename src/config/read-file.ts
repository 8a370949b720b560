// Small files, read whole: the config and secrets.

import { readFileSync } from "node:fs";
import type { ReadFile } from "./secret.ts";
import { AppError, visible } from "../core/errors.ts";

/** The text of `path`, or undefined if there is no such file. Throws AppError "io" if it cannot be read. */
export const readTextFile: ReadFile = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw ioError(error, `could not read ${visible(path)}`);
  }
};

/** A failure of the file system as an AppError: `could not read ./x: permission denied`. */
export function ioError(error: unknown, what: string): AppError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new AppError("io", `${what}: ${(code === undefined ? undefined : reasons[code]) ?? message}`, {
    cause: error,
  });
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "not permitted",
  EEXIST: "it exists already",
  EISDIR: "it is a folder",
  ENOENT: "there is no such file",
  ENOTDIR: "a part of the path is no folder",
  ENOSPC: "the disk is full",
  EROFS: "the file system is read-only",
  ELOOP: "too many symbolic links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "the name is too long",
};
