// The root folder of a tree: that it is there, and which folder it is.

import { lstatSync, type Stats, statSync } from "node:fs";
import { AppError } from "../../core/errors.ts";
import { describeFault, faultCode } from "./fs-fault.ts";

/** Tells a root from another folder in its place: one that was unmounted, say, or made anew. */
export interface RootIdentity {
  readonly device: number;
  readonly inode: number;
}

/** The identity of the folder `root` ("" is "/"), which itself may be a symbolic link to one. Throws AppError
 * `root-missing`. */
export function readRootIdentity(root: string): RootIdentity {
  let stats: Stats;
  try {
    stats = statSync(`${root}/.`);
  } catch (error) {
    throw rootMissing(root, describeFault(error), error);
  }
  if (!stats.isDirectory()) throw rootMissing(root, "it is no folder");
  return { device: stats.dev, inode: stats.ino };
}

/** Tells, as a text, whether the path `root` has led to one folder all the while: a folder that was removed and made anew with
 * the same inode is another one, and so is one whose link was swapped and swapped back. Undefined: there is none. */
export function markRoot(root: string): string | undefined {
  try {
    const itself = lstatSync(root === "" ? "/" : root);
    const { dev, ino, birthtimeMs } = statSync(`${root}/.`);
    const link = itself.isSymbolicLink() ? `${itself.dev}:${itself.ino}:${itself.ctimeMs}` : "";
    return `${dev}:${ino}:${birthtimeMs}:${link}`;
  } catch (error) {
    faultCode(error);
    return undefined;
  }
}

export function rootMissing(root: string, reason: string, cause?: unknown): AppError {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  const isOutOfFiles = code === "EMFILE" || code === "ENFILE";
  const isForbidden = code === "EACCES" || code === "EPERM";
  return new AppError("root-missing", `the folder ${root} cannot be used: ${reason}`, {
    hint: isOutOfFiles
      ? "let this process open more files (ulimit -n, or LimitNOFILE in systemd); nothing was deleted"
      : isForbidden
        ? "let this user read it and the folders above it (kvsync doctor checks that); nothing was deleted"
        : "create it, or mount what holds it, or correct the path; nothing was deleted",
    cause,
  });
}

/** The path leads to another folder than a moment ago: that is a failure only if it goes on. */
export function rootReplaced(root: string): AppError {
  return new AppError("root-missing", `the folder ${root} was replaced while it was looked at`, {
    hint: "try again; if that does not end, see what replaces it",
    retryable: true,
  });
}
