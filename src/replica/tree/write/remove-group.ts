// Removing a group of values: the value first and then its sidecar, so that a crash between the two leaves a sidecar of
// no value, which counts for nothing, and never a value that seems to have lost its metadata. Folders that are empty then go, too.

import { rmdirSync, type Stats, unlinkSync } from "node:fs";
import type { Entry } from "../../../core/entry.ts";
import type { Key } from "../../../core/key.ts";
import { problem } from "../../../core/problem.ts";
import type { RemoveOutcome } from "../../replica.ts";
import { type FolderHandle, FolderHandles } from "../folder-handles.ts";
import { describeFault, faultCode } from "../fs-fault.ts";
import { keyFiles, placeOf } from "../key-files.ts";
import { locate } from "../locate.ts";
import { checkSidecar, checkTarget } from "./target.ts";
import {
  closeReplaced,
  keepLateBytes,
  openReplaced,
  type ReplacedFile,
  stillWritten,
  waitUntilQuiet,
} from "./replaced-file.ts";
import type { RootIdentity } from "../tree-root.ts";
import type { TreeWriter } from "./tree-writer.ts";

/** One outcome for each of `entries`. Throws AppError `root-missing`. */
export async function removeGroup(
  tree: TreeWriter,
  entries: readonly Entry[],
  { identity, signal }: { readonly identity: RootIdentity; readonly signal: AbortSignal | undefined },
): Promise<RemoveOutcome[]> {
  const folders = new FolderHandles(tree.root, { identity, isDurable: tree.isDurable });
  const removed = new Map<Key, ReplacedFile>();
  try {
    const touched = new Set<string>();
    const isQuiet = await becomeQuiet(tree, folders, entries, signal);
    const outcomes = entries.map((entry) =>
      isQuiet
        ? removeOne(tree, folders, entry, {
            touched,
            onRemove: (path, stats) => noteRemoved(removed, entry.key, { path, stats }),
          })
        : ({ kind: "problem", key: entry.key, problem: stillWritten(entry.key) } as const),
    );
    for (const [i, { kind, key }] of outcomes.entries()) {
      const late = kind === "removed" ? await keepLateBytes(tree, key, removed.get(key)) : undefined;
      if (late !== undefined) outcomes[i] = { kind: "problem", key, problem: late };
    }
    for (const path of touched) prune(folders, path);
    const { faults, fault } = await folders.sync();
    const refusal = fault ?? [...faults.values()][0];
    if (refusal === undefined) return outcomes;
    // Which of them a folder's sync was for does not matter: to remove them again is the same.
    const message = `is removed, but might come back after a crash: ${describeFault(refusal)}`;
    return outcomes.map((outcome) => (outcome.kind === "removed" ? fail(outcome.key, message) : outcome));
  } finally {
    for (const file of removed.values()) closeReplaced(file);
    folders.close();
  }
}

function noteRemoved(
  removed: Map<Key, ReplacedFile>,
  key: Key,
  { path, stats }: { readonly path: string; readonly stats: Stats },
): void {
  const file = openReplaced(path, stats);
  if (file !== undefined) removed.set(key, file);
}

/** False: the run was ended while it waited. */
async function becomeQuiet(
  tree: TreeWriter,
  folders: FolderHandles,
  entries: readonly Entry[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (tree.quietMs === 0) return true;
  const files = entries.flatMap(({ key }) => {
    const located = locate(folders, key, keyFiles(key, tree.scheme));
    return located.kind === "file" ? located.stats : [];
  });
  // By the clock of this machine: a file system of another one may be off, and then the wait is at most as long.
  return waitUntilQuiet(tree, files, { now: tree.clock.now(), signal });
}

interface Removal {
  /** The folders that something was removed from. */
  readonly touched: Set<string>;
  readonly onRemove: (path: string, stats: Stats) => void;
}

function removeOne(
  tree: TreeWriter,
  folders: FolderHandles,
  entry: Entry,
  { touched, onRemove }: Removal,
): RemoveOutcome {
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
    try {
      unlinkSync(path);
    } catch (error) {
      // Somebody removed it first. What else belongs to the key is still to be removed.
      if (faultCode(error) !== "ENOENT") throw error;
    }
    folder.isDirty = true;
    touched.add(folder.path);
  };
  try {
    if (located.kind === "file") {
      const path = `${located.folder.base}/${located.place.name}`;
      onRemove(path, located.stats);
      unlink(located.folder, path);
    }
    if (sidecar.kind === "sidecar") unlink(sidecar.folder, sidecar.path);
    return { kind: "removed", key };
  } catch (error) {
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
