// A file that is being written: beside its target, complete and synced before it takes the target's place.

import {
  fchmodSync,
  fchownSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  type Stats,
  unlinkSync,
} from "node:fs";
import { closeFile } from "../close-file.ts";
import type { FolderHandle } from "../folder-handles.ts";
import { faultCode } from "../fs-fault.ts";
import { NEW_FILE_FLAGS, NEW_FILE_MODE, writeAll } from "./new-files.ts";
import type { TreeWriter } from "./tree-writer.ts";

export interface TempFile {
  readonly folder: FolderHandle;
  readonly name: string;
  readonly fd: number;
  isPlaced: boolean;
}

/** Creates a file with `bytes`, and with the mode and owner of the one it is to replace. Throws what the file system
 * refuses with, and leaves nothing then. */
export function createTempFile(
  tree: TreeWriter,
  folder: FolderHandle,
  bytes: Uint8Array,
  replaced: Stats | undefined,
): TempFile {
  const { name, fd } = openNew(tree, folder, replaced === undefined ? NEW_FILE_MODE : replaced.mode & 0o777);
  folder.pins++;
  const temp = { folder, name, fd, isPlaced: false };
  try {
    writeAll(fd, bytes);
    if (replaced !== undefined) adopt(fd, replaced);
    return temp;
  } catch (error) {
    releaseTempFile(temp);
    throw error;
  }
}

function openNew(tree: TreeWriter, folder: FolderHandle, mode: number): { name: string; fd: number } {
  for (;;) {
    const name = tree.tempName();
    try {
      return { name, fd: openSync(`${folder.base}/${name}`, NEW_FILE_FLAGS, mode) };
    } catch (error) {
      if (faultCode(error) !== "EEXIST") throw error;
    }
  }
}

/** Gives the file the mode and the owner of the one that it is to replace, as far as this user may. */
export function adopt(fd: number, { mode, uid, gid }: Stats): void {
  const own = fstatSync(fd);
  if (own.uid !== uid || own.gid !== gid) {
    try {
      fchownSync(fd, uid, gid);
    } catch (error) {
      // Only a privileged process can give a file away: for others, replacing it makes it theirs.
      if (faultCode(error) !== "EPERM") throw error;
    }
  }
  if ((own.mode & 0o7777) !== (mode & 0o7777)) fchmodSync(fd, mode & 0o7777);
}

/** Puts the file in the place of `name` in `folder`; its descriptor stays open. */
export function placeTempFile(temp: TempFile, folder: FolderHandle, name: string): void {
  renameSync(`${temp.folder.base}/${temp.name}`, `${folder.base}/${name}`);
  temp.isPlaced = true;
  temp.folder.isDirty = true;
  folder.isDirty = true;
}

/** Like {@link placeTempFile}, but replaces nothing, not even what came a moment ago: a link fails where a name exists.
 * Returns false then, and throws nothing. */
export function linkTempFile(temp: TempFile, folder: FolderHandle, name: string): boolean {
  const path = `${temp.folder.base}/${temp.name}`;
  const linked = linkFile(path, `${folder.base}/${name}`);
  if (linked === false) return false;
  temp.isPlaced = linked === "renamed";
  temp.folder.isDirty = true;
  folder.isDirty = true;
  if (temp.isPlaced) return true;
  try {
    unlinkSync(path);
    temp.isPlaced = true;
  } catch (error) {
    // The value is in its place; its other name is tried again when the file is released.
    faultCode(error);
  }
  return true;
}

/** Gives the file at `path` the name `to` as well, unless that is taken: false then. Where there are no hard links, it is renamed. */
export function linkFile(path: string, to: string): "linked" | "renamed" | false {
  try {
    linkSync(path, to);
    return "linked";
  } catch (error) {
    const code = faultCode(error);
    if (code === "EEXIST") return false;
    if (!NO_LINKS.has(code)) throw error;
    if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) return false;
    renameSync(path, to);
    return "renamed";
  }
}

/** What file systems without hard links answer. */
const NO_LINKS: ReadonlySet<string> = new Set([
  "EPERM",
  "EOPNOTSUPP",
  "ENOTSUP",
  "ENOSYS",
  "EMLINK",
  "EXDEV",
  "EINVAL",
]);

/** Closes the file, and removes it if it was not placed. */
export function releaseTempFile(temp: TempFile): void {
  closeFile(temp.fd);
  temp.folder.pins--;
  if (temp.isPlaced) return;
  try {
    unlinkSync(`${temp.folder.base}/${temp.name}`);
  } catch (error) {
    // What cannot be removed now is a leftover, which a later run removes (temp-names.ts).
    faultCode(error);
  }
}
