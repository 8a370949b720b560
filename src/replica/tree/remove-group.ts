// Removing a group of values: the value first and then its sidecar, so that a crash between the two leaves a sidecar of
// no value, which counts for nothing, and never a value that seems to have lost its metadata. Folders that are empty then go, too.

import { rmdirSync, unlinkSync } from "node:fs";
import type { Entry } from "../../core/entry.ts";
import type { Key } from "../../core/key.ts";
import { problem } from "../../core/problem.ts";
import type { RemoveOutcome } from "../replica.ts";
import { type FolderHandle, FolderHandles } from "./folder-handles.ts";
import { describeFault, faultCode } from "./fs-fault.ts";
import { keyFiles, placeOf } from "./key-files.ts";
import { locate } from "./locate.ts";
import { checkSidecar, checkTarget } from "./target.ts";
import type { RootIdentity } from "./tree-root.ts";
import type { TreeWriter } from "./tree-writer.ts";

/** One outcome for each of `entries`. Throws AppError `root-missing`. */
export async function removeGroup(
  tree: TreeWriter,
  entries: readonly Entry[],
  identity: RootIdentity,
): Promise<RemoveOutcome[]> {
  const folders = new FolderHandles(tree.root, { identity, isDurable: tree.isDurable });
  try {
    const touched = new Set<string>();
    const outcomes = entries.map((entry) => removeOne(tree, folders, entry, touched));
    for (const path of touched) prune(folders, path);
    const { faults, fault } = await folders.sync();
    const refusal = fault ?? [...faults.values()][0];
    if (refusal === undefined) return outcomes;
    // Which of them a folder's sync was for does not matter: to remove them again is the same.
    const message = `is removed, but might come back after a crash: ${describeFault(refusal)}`;
    return outcomes.map((outcome) => (outcome.kind === "removed" ? fail(outcome.key, message) : outcome));
  } finally {
    folders.close();
  }
}

function removeOne(tree: TreeWriter, folders: FolderHandles, entry: Entry, touched: Set<string>): RemoveOutcome {
  const { key } = entry;
  if (tree.isReserved(key))
    return { kind: "problem", key, problem: problem("name-reserved", key, "lies in a folder that is kvsync's own") };
  const files = keyFiles(key, tree.scheme);
  const expectation = { key, listed: entry, written: undefined };
  const located = locate(folders, key, files);
  if (located.kind === "problem") return { ...located, key };
  const refusal = located.kind === "file" ? checkTarget(tree, located, expectation) : undefined;
  if (refusal !== undefined) return { kind: "problem", key, problem: refusal };
  const sidecar = checkSidecar(folders, files, located, expectation);
  if (sidecar.kind === "problem") return { ...sidecar, key };
  const unlink = (folder: FolderHandle, path: string): void => {
    unlinkSync(path);
    folder.isDirty = true;
    touched.add(folder.path);
  };
  try {
    if (located.kind === "file") unlink(located.folder, `${located.folder.base}/${located.place.name}`);
    if (sidecar.kind === "sidecar") unlink(sidecar.folder, sidecar.path);
    return { kind: "removed", key };
  } catch (error) {
    if (faultCode(error) === "ENOENT") return { kind: "removed", key };
    return fail(key, `could not be removed: ${describeFault(error)}`);
  }
}

function fail(key: Key, message: string): RemoveOutcome {
  return { kind: "problem", key, problem: problem("write-failed", key, message) };
}

/** Removes the folder at `path` and those above it that hold nothing any more, up to the root, which stays. */
function prune(folders: FolderHandles, path: string): void {
  for (let at = placeOf(path); path !== ""; path = at.folder, at = placeOf(path)) {
    const parent = folders.open(at.folder);
    if (parent.kind !== "folder") return;
    try {
      rmdirSync(`${parent.folder.base}/${at.name}`);
      parent.folder.isDirty = true;
    } catch (error) {
      // Mostly ENOTEMPTY. A folder that stays is no harm, whatever the reason.
      if (faultCode(error) !== "ENOENT") return;
    }
  }
}
