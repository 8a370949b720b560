// What a listing would show of a few keys, asked of their files by name: one look at each, for when a watcher tells which
// ones changed.
//
// Who asks for it waits until an absence has lasted. Many editors save a file by taking it away and making it anew (vim, Emacs,
// JetBrains). That shows in the folder, which changed a moment ago; where it has not, nobody waits.

import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { DurationMs } from "../../../core/clock.ts";
import type { Entry } from "../../../core/entry.ts";
import type { KeyFilter } from "../../../core/filter.ts";
import type { Key } from "../../../core/key.ts";
import { type Problem, problem } from "../../../core/problem.ts";
import type { ListOptions } from "../../replica.ts";
import { nextTurn } from "../event-loop.ts";
import { signatureOf } from "../file-signature.ts";
import { faultCode } from "../fs-fault.ts";
import { FolderHandles } from "../folder-handles.ts";
import { keyFiles } from "../key-files.ts";
import { lookThrough } from "../links/look-through.ts";
import { locateBy } from "../locate.ts";
import type { TreeFiles } from "../read/read-values.ts";
import { type Attributes, NO_ATTRIBUTES, readSidecar } from "../sidecar.ts";
import { readRootIdentity } from "../tree-root.ts";

export interface Lookup extends TreeFiles {
  readonly quietMs: DurationMs;
  readonly filter: KeyFilter | undefined;
  readonly isReserved: (key: string) => boolean;
}

const KEYS_A_TURN = 256;

/** How long a file must be gone until that is a removal, unless the tree's `quietMs` is shorter. Editors that take a file away to
 * write it anew do so within some milliseconds, and on a busy machine or a slow disk some hundreds. */
export const GONE_MS: DurationMs = 1000;
const FIRST_WAIT_MS: DurationMs = 20;

/** Throws AppError `root-missing`. What cannot be told is reported as unknown [I3]. */
export async function lookupKeys(tree: Lookup, keys: readonly Key[], options: ListOptions): Promise<readonly Entry[]> {
  const unknown = new Set<Key>();
  const look = (some: readonly Key[]): Promise<Entry[]> => lookOnce(tree, some, { ...options, unknown });
  const entries = await look(keys);
  if (options.waits !== true) return entries;
  const found = new Map(entries.map((entry) => [entry.key, entry]));
  const isMissing = (key: Key): boolean => !found.has(key) && !unknown.has(key);
  const endAt = tree.clock.monotonic() + Math.min(tree.quietMs, GONE_MS);
  for (let waitMs = FIRST_WAIT_MS; ; waitMs *= 2) {
    const missing = keys.filter(isMissing);
    const leftMs = Math.min(endAt - tree.clock.monotonic(), missing.length === 0 ? 0 : restlessMs(tree, missing));
    if (leftMs <= 0) return keys.flatMap((key) => found.get(key) ?? []);
    await tree.clock.sleep(Math.ceil(Math.min(waitMs, leftMs)), options.signal);
    for (const entry of await look(missing)) found.set(entry.key, entry);
  }
}

/** How long until none of the folders of `keys` has changed for long enough; 0: none of them has. By our clock: that of a file
 * server may be another. */
function restlessMs({ root, scheme, quietMs, clock }: Lookup, keys: readonly Key[]): DurationMs {
  const folders = new Set(keys.map((key) => `${root}/${keyFiles(key, scheme).value.folder}`));
  const latest = [...folders].reduce((max, folder) => Math.max(max, changedAt(folder)), Number.NEGATIVE_INFINITY);
  return latest + Math.min(quietMs, GONE_MS) - clock.now();
}

/** When a name was last added to `folder`, or taken from it; of a folder that is gone, to or from the one that it was in. */
function changedAt(folder: string): number {
  try {
    // Also of one that a symbolic link leads to.
    const stats = statSync(folder, { throwIfNoEntry: false });
    return stats?.ctimeMs ?? changedAt(dirname(folder));
  } catch (error) {
    faultCode(error);
    return Number.NEGATIVE_INFINITY;
  }
}

async function lookOnce(
  tree: Lookup,
  keys: readonly Key[],
  options: ListOptions & { readonly unknown: Set<Key> },
): Promise<Entry[]> {
  const identity = readRootIdentity(tree.root);
  const entries: Entry[] = [];
  for (let from = 0; from < keys.length; from += KEYS_A_TURN) {
    options.signal?.throwIfAborted();
    const folders = new FolderHandles(tree.root, { identity, isDurable: false });
    try {
      for (const key of keys.slice(from, from + KEYS_A_TURN)) {
        const found = lookupKey(tree, folders, key, options.onFixed);
        if (found === undefined) continue;
        if (!("code" in found)) entries.push(found);
        else {
          options.unknown.add(key);
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
function lookupKey(
  tree: Lookup,
  folders: FolderHandles,
  key: Key,
  onFixed: ListOptions["onFixed"],
): Entry | Problem | undefined {
  if (tree.filter?.(key) === false || tree.isReserved(key)) return undefined;
  const files = keyFiles(key, tree.scheme);
  const located = locateBy((place) => lookThrough(tree.links, folders, key, place), key, files);
  if (located.kind === "problem") return located.problem;
  if (located.kind === "absent") return undefined;
  const attributes = readAttributes(tree, folders, key, files.sidecar);
  if ("code" in attributes) return attributes;
  if (located.isLinked) onFixed?.(key);
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
  tree: Lookup,
  folders: FolderHandles,
  key: Key,
  place: ReturnType<typeof keyFiles>["sidecar"],
): Attributes | Problem {
  const looked = lookThrough(tree.links, folders, key, place);
  if (looked.kind === "problem") return looked.problem;
  if (looked.kind === "nothing") return NO_ATTRIBUTES;
  const sidecar = readSidecar(looked.at);
  if (sidecar.kind === "attributes") return sidecar.attributes;
  return problem("metadata-invalid", key, `${sidecar.message}; the key is left alone`);
}
