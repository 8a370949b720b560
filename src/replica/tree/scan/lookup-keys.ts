// What a listing would show of a few keys, asked of their files by name: one look at each, for when a watcher tells which
// ones changed.

import type { Entry } from "../../../core/entry.ts";
import type { KeyFilter } from "../../../core/filter.ts";
import type { Key } from "../../../core/key.ts";
import { type Problem, problem } from "../../../core/problem.ts";
import type { ListOptions } from "../../replica.ts";
import { nextTurn } from "../event-loop.ts";
import { signatureOf } from "../file-signature.ts";
import { FolderHandles } from "../folder-handles.ts";
import { keyFiles } from "../key-files.ts";
import { locate, look } from "../locate.ts";
import type { TreeFiles } from "../read/read-values.ts";
import { type Attributes, NO_ATTRIBUTES, readSidecar } from "../sidecar.ts";
import { readRootIdentity } from "../tree-root.ts";

export interface Lookup extends TreeFiles {
  readonly filter: KeyFilter | undefined;
  readonly isReserved: (key: string) => boolean;
}

const KEYS_A_TURN = 256;

/** Throws AppError `root-missing`. What cannot be told is reported as unknown [I3]. */
export async function lookupKeys(tree: Lookup, keys: readonly Key[], options: ListOptions): Promise<readonly Entry[]> {
  const identity = readRootIdentity(tree.root);
  const entries: Entry[] = [];
  for (let from = 0; from < keys.length; from += KEYS_A_TURN) {
    options.signal?.throwIfAborted();
    const folders = new FolderHandles(tree.root, { identity, isDurable: false });
    try {
      for (const key of keys.slice(from, from + KEYS_A_TURN)) {
        const found = lookupKey(tree, folders, key);
        if (found === undefined) continue;
        if (!("code" in found)) entries.push(found);
        else {
          options.onProblem(found);
          options.onUnknown?.({ key });
        }
      }
    } finally {
      folders.close();
    }
    await nextTurn();
  }
  return entries;
}

/** Undefined: there is no such key in the tree. */
function lookupKey(tree: Lookup, folders: FolderHandles, key: Key): Entry | Problem | undefined {
  if (tree.filter?.(key) === false || tree.isReserved(key)) return undefined;
  const files = keyFiles(key, tree.scheme);
  const located = locate(folders, key, files);
  if (located.kind === "problem") return located.problem;
  if (located.kind === "absent") return undefined;
  const attributes = readAttributes(folders, key, files.sidecar);
  if ("code" in attributes) return attributes;
  return {
    key,
    fingerprint: undefined,
    metadata: attributes.metadata,
    expiration: attributes.expiration,
    ttlSeconds: undefined,
    size: located.stats.size,
    signature: signatureOf(located.stats),
    binary: undefined,
  };
}

function readAttributes(
  folders: FolderHandles,
  key: Key,
  place: ReturnType<typeof keyFiles>["sidecar"],
): Attributes | Problem {
  const looked = look(folders, key, place);
  if (looked.kind === "problem") return looked.problem;
  if (looked.kind === "nothing") return NO_ATTRIBUTES;
  const sidecar = readSidecar(`${looked.folder.base}/${place.name}`);
  if (sidecar.kind === "attributes") return sidecar.attributes;
  return problem("metadata-invalid", key, `${sidecar.message}; the key is left alone`);
}
