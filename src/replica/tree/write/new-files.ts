// Creating many new files in one folder, which nobody else looks into yet. Nothing is decided here: all of it is calls to
// the system.

import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import type { FileSignature } from "../../../core/entry.ts";
import { signatureOf } from "../file-signature.ts";

export interface NewFiles {
  /** What names are appended to, after a "/". */
  readonly folder: string;
  readonly names: readonly string[];
  /** Of each, in the order of `names`. */
  readonly contents: readonly Uint8Array[];
  /** Leave the files open, for the caller to sync and close. */
  readonly keepOpen: boolean;
}

/** In the order of the names: descriptors, or the signatures of files that are closed. */
export type CreatedFiles =
  | { readonly kind: "open"; readonly fds: readonly number[] }
  | { readonly kind: "closed"; readonly signatures: readonly FileSignature[] };

/** Mode of a new file, before the umask. */
export const NEW_FILE_MODE = 0o644;
/** For a file that did not exist before; a symbolic link is no such thing. */
export const NEW_FILE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Creates all of them. Throws the first refusal of the file system: then none is open, and any may be there, whole or
 * not. */
export function createFiles({ folder, names, contents, keepOpen }: NewFiles): CreatedFiles {
  const open: number[] = [];
  const signatures: FileSignature[] = [];
  try {
    for (let i = 0; i < names.length; i++) {
      const fd = openSync(`${folder}/${names[i]!}`, NEW_FILE_FLAGS, NEW_FILE_MODE);
      open.push(fd);
      writeAll(fd, contents[i]!);
      if (keepOpen) continue;
      signatures.push(signatureOf(fstatSync(fd)));
      open.pop();
      closeSync(fd);
    }
  } catch (error) {
    for (const fd of open) closeSync(fd);
    throw error;
  }
  return keepOpen ? { kind: "open", fds: open } : { kind: "closed", signatures };
}

export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength;) at += writeSync(fd, bytes, at);
}
