// A file that is about to lose its place, to a new value or to a removal, while some program may still have it open and
// write to it: what is written then goes to a file that no name leads to.
//
// Two things are done about that. Before, a file that changed a moment ago is waited for (waitUntilQuiet): a program that
// writes in pieces mostly writes the next one soon, and then the file is not what was listed, and stays. After, the file is
// looked at once more through a descriptor that was opened before (keepLateBytes): what was written to it meanwhile is kept.

import { isUtf8 } from "node:buffer";
import { constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import type { DurationMs } from "../../../core/clock.ts";
import { VALUE_BYTES_MAX } from "../../../core/limits.ts";
import type { Entry } from "../../../core/entry.ts";
import { fingerprintOf } from "../../../core/fingerprint.ts";
import type { Key } from "../../../core/key.ts";
import { type Problem, problem } from "../../../core/problem.ts";
import { closeFile } from "../close-file.ts";
import { keepConflictCopy } from "./conflict-copy.ts";
import { describeFault, faultCode } from "../fs-fault.ts";
import type { TreeWriter } from "./tree-writer.ts";

/** How long a file of a mapping, or of a copy, must not have changed before it is replaced or removed. Editors and shells that
 * write a file in pieces write the next one within this time; a pull right after an edit takes as much longer. */
export const QUIET_MS: DurationMs = 2000;

/** To be closed. */
export interface ReplacedFile {
  readonly fd: number;
  readonly stats: Stats;
}

/** Opens the file at `path` before it loses its place. Undefined if this user may not read it, or it is gone. `stats`: what
 * it was when it was checked. */
export function openReplaced(path: string, stats: Stats): ReplacedFile | undefined {
  try {
    return { fd: openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK), stats };
  } catch (error) {
    faultCode(error);
    return undefined;
  }
}

export function closeReplaced({ fd }: ReplacedFile): void {
  closeFile(fd);
}

/** What the file holds now, if it was written to since it was checked. (Its ctime tells nothing: losing a name changes it.) */
function readLateBytes({ fd, stats }: ReplacedFile): Uint8Array | undefined {
  const now = fstatSync(fd);
  if (now.size === stats.size && now.mtimeMs === stats.mtimeMs) return undefined;
  const bytes = Buffer.alloc(Math.min(now.size, VALUE_BYTES_MAX));
  let length = 0;
  while (length < bytes.byteLength) {
    const count = readSync(fd, bytes, length, bytes.byteLength - length, length);
    if (count === 0) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

/** Keeps what was written to `file`, which `key` had, since it was opened, as a conflict copy. Returns what is to be told of
 * it; undefined: nothing was written. */
export async function keepLateBytes(
  tree: TreeWriter,
  key: Key,
  file: ReplacedFile | undefined,
): Promise<Problem | undefined> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = file === undefined ? undefined : readLateBytes(file);
  } catch (error) {
    const message = `may have been written to while it was replaced, and what it held cannot be read: ${describeFault(error)}`;
    return problem("changed-on-disk", key, message);
  }
  if (bytes === undefined) return undefined;
  const entry: Entry = {
    key,
    fingerprint: fingerprintOf(bytes),
    metadata: undefined,
    expiration: undefined,
    ttlSeconds: undefined,
    size: bytes.byteLength,
    signature: undefined,
    binary: !isUtf8(bytes),
  };
  const kept = await keepConflictCopy(tree, { entry, bytes, readAt: tree.clock.now() });
  const end = kept.kind === "kept" ? `is kept in ${kept.path}` : `could not be kept: ${kept.problem.message}`;
  return problem("changed-on-disk", key, `was written to while it was replaced: what it holds by now ${end}`);
}

export function stillWritten(key: Key): Problem {
  return problem("changed-on-disk", key, "changed a moment ago, and may still be written: the next round sees to it");
}

/** Waits until none of `files` has changed for the tree's `quietMs`, as far as was known when they were looked at: whoever
 * replaces one looks again. `now`: by the file system's clock. Returns false if `signal` ended the wait. */
export async function waitUntilQuiet(
  tree: TreeWriter,
  files: readonly Stats[],
  { now, signal }: { readonly now: number; readonly signal: AbortSignal | undefined },
): Promise<boolean> {
  // The time of the last write, and of the last change of name or mode; unlike mtime nobody can set it.
  const latest = files.reduce((max, { ctimeMs }) => Math.max(max, ctimeMs), Number.NEGATIVE_INFINITY);
  const waitMs: DurationMs = Math.min(latest + tree.quietMs - now, tree.quietMs);
  if (waitMs <= 0) return true;
  try {
    await tree.clock.sleep(Math.ceil(waitMs), signal);
    return true;
  } catch (error) {
    if (signal?.aborted !== true) throw error;
    return false;
  }
}
