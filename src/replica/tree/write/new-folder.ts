// A whole new folder of values at once: its files are created under their own names in a hidden folder (`%tmp-...`, beside
// where it goes), synced, and the folder is renamed into place. That is a third of the system calls of a temporary file
// for each value, and it keeps the same promises: nothing half-written ever has a key's name, and nothing is overwritten,
// since a folder cannot be renamed over a file, nor over a folder that holds anything. (Over one that is empty it can.)
//
// What this is not for, or what fails in a way that may be somebody else's doing, is written file by file (write-group.ts).

import { fstatSync, mkdirSync, openSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
import type { FileSignature } from "../../../core/entry.ts";
import { signatureOf } from "../file-signature.ts";
import { closeFile } from "../close-file.ts";
import { FOLDER_FLAGS, type FolderHandle, type FolderHandles } from "../folder-handles.ts";
import { faultCode } from "../fs-fault.ts";
import { createFiles } from "./new-files.ts";
import { syncAll } from "./sync-files.ts";

export interface NewFolder {
  readonly parent: FolderHandle;
  readonly name: string;
  /** The name it has until it is complete. */
  readonly hiddenName: string;
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

export type FolderResult =
  /** All of it is in place, with these signatures; it lasts when `folder` and the one above are synced. */
  | { readonly kind: "placed"; readonly folder: FolderHandle; readonly signatures: readonly FileSignature[] }
  /** Nothing of it is left, but for what could not be removed. */
  | { readonly kind: "refused" };

/** Never rejects for what the file system refuses. */
export async function writeNewFolder(folders: FolderHandles, made: NewFolder): Promise<FolderResult> {
  const { parent, hiddenName } = made;
  const path = `${parent.base}/${hiddenName}`;
  let hidden: number | undefined;
  parent.pins++;
  try {
    mkdirSync(path);
    parent.isDirty = true;
    hidden = openSync(path, FOLDER_FLAGS);
    const result = await fillAndPlace(folders, made, hidden, path);
    if (result.kind === "placed") hidden = undefined;
    return result;
  } catch (error) {
    faultCode(error);
    return { kind: "refused" };
  } finally {
    parent.pins--;
    if (hidden !== undefined) discard(hidden, path, made);
  }
}

async function fillAndPlace(
  folders: FolderHandles,
  { parent, name, files }: NewFolder,
  hidden: number,
  path: string,
): Promise<FolderResult> {
  const created = createFiles({
    folder: folders.baseOf(hidden, path),
    names: files.map((file) => file.name),
    contents: files.map((file) => file.bytes),
    keepOpen: parent.needsSync,
  });
  const signatures = created.kind === "closed" ? created.signatures : await syncAndClose(created.fds);
  if (!folders.isInPlace(parent)) return { kind: "refused" };
  renameSync(path, `${parent.base}/${name}`);
  return { kind: "placed", folder: folders.adopt(parent, name, hidden), signatures };
}

/** Syncs all at once, so that a journaling file system commits them together. Throws the first refusal. */
async function syncAndClose(fds: readonly number[]): Promise<readonly FileSignature[]> {
  try {
    const fault = (await syncAll(fds)).find((found) => found !== undefined);
    if (fault !== undefined) throw fault;
    // After the sync: some network file systems set the times of a file only then.
    return fds.map((fd) => signatureOf(fstatSync(fd)));
  } finally {
    for (const fd of fds) closeFile(fd);
  }
}

/** Removes what was made. What cannot be removed now is a leftover, which a later run removes (temp-names.ts). */
function discard(hidden: number, path: string, { files }: NewFolder): void {
  closeFile(hidden);
  for (const remove of [
    ...files.map(
      ({ name }) =>
        () =>
          unlinkSync(`${path}/${name}`),
    ),
    () => rmdirSync(path),
  ]) {
    try {
      remove();
    } catch (error) {
      faultCode(error);
    }
  }
}
