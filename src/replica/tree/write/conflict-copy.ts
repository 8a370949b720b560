// Conflict copies: the version that lost a conflict, kept beside the key's file as `NAME%conflict-TIME-N` for a person to
// look at. It is no key, so it is never synced; it never overwrites anything.

import type { Key } from "../../../core/key.ts";
import type { RelativePath } from "../../../core/names/name-scheme.ts";
import { conflictPath, conflictSidecarPath } from "../../../core/names/path-codec.ts";
import { type Problem, problem } from "../../../core/problem.ts";
import type { KeptCopy, Value } from "../../replica.ts";
import { FolderHandles } from "../folder-handles.ts";
import { describeFault } from "../fs-fault.ts";
import { keyFiles, placeOf } from "../key-files.ts";
import { locate } from "../locate.ts";
import { makeFolder } from "./make-folder.ts";
import { renderSidecar } from "../sidecar.ts";
import { syncAll } from "./sync-files.ts";
import { createTempFile, linkFile, linkTempFile, releaseTempFile } from "./temp-file.ts";
import { readRootIdentity } from "../tree-root.ts";
import type { TreeWriter } from "./tree-writer.ts";

/** Copies of one key made in one second; more than that is something gone wrong. */
const COPIES_A_SECOND_MAX = 1000;

/** Keeps a copy of `value`, with its metadata and expiration, and says where. Throws AppError `root-missing`. */
export async function keepConflictCopy(tree: TreeWriter, value: Value): Promise<KeptCopy> {
  const { key } = value.entry;
  const folders = new FolderHandles(tree.root, { identity: readRootIdentity(tree.root), isDurable: tree.isDurable });
  try {
    // What is not going to be replaced, as where a symbolic link leads to it, needs no copy, however often it is asked for.
    const located = locate(folders, key, keyFiles(key, tree.scheme));
    if (located.kind === "problem") return located;
    const at = tree.clock.now();
    for (let number = 1; number <= COPIES_A_SECOND_MAX; number++) {
      const copy = { at, number };
      const path = conflictPath(key, tree.scheme, copy);
      const refusal = await writeNew(tree, folders, path, value.bytes, key);
      if (refusal === "exists") continue;
      if (refusal !== undefined) return { kind: "problem", problem: refusal };
      const text = renderSidecar(value.entry);
      if (text !== undefined) {
        const sidecar = conflictSidecarPath(key, tree.scheme, copy);
        const fault = await writeNew(tree, folders, sidecar, Buffer.from(text), key);
        if (fault !== undefined && fault !== "exists") return { kind: "problem", problem: fault };
      }
      const synced = await folders.sync();
      const fault = synced.fault ?? [...synced.faults.values()][0];
      if (fault === undefined) return { kind: "kept", path };
      return { kind: "problem", problem: notKept(key, fault) };
    }
    return { kind: "problem", problem: problem("write-failed", key, "has too many conflict copies") };
  } catch (error) {
    return { kind: "problem", problem: notKept(key, error) };
  } finally {
    folders.close();
  }
}

/** Gives the sidecar at `path`, which belongs to no value, the name of one of a conflict copy as well. */
export function keepSidecar(tree: TreeWriter, folders: FolderHandles, key: Key, path: string): KeptCopy {
  const at = tree.clock.now();
  for (let number = 1; number <= COPIES_A_SECOND_MAX; number++) {
    const kept = conflictSidecarPath(key, tree.scheme, { at, number });
    const { folder, name } = placeOf(kept);
    const made = makeFolder(tree, folders, folder, key);
    if (made.kind === "problem") return made;
    if (!linkFile(path, `${made.folder.base}/${name}`)) continue;
    made.folder.isDirty = true;
    return { kind: "kept", path: kept };
  }
  return { kind: "problem", problem: problem("write-failed", key, "has too many conflict copies") };
}

function notKept(key: Key, error: unknown): Problem {
  return problem("write-failed", key, `has a conflict, and no copy could be kept: ${describeFault(error)}`);
}

async function writeNew(
  tree: TreeWriter,
  folders: FolderHandles,
  path: RelativePath,
  bytes: Uint8Array,
  key: Key,
): Promise<Problem | "exists" | undefined> {
  const { folder, name } = placeOf(path);
  const made = makeFolder(tree, folders, folder, key);
  if (made.kind === "problem") return made.problem;
  const temp = createTempFile(tree, made.folder, bytes, undefined);
  try {
    const [fault] = made.folder.needsSync ? await syncAll([temp.fd]) : [];
    if (fault !== undefined) throw fault;
    return linkTempFile(temp, made.folder, name) ? undefined : "exists";
  } finally {
    releaseTempFile(temp);
  }
}
