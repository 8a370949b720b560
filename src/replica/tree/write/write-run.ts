// What the ways of writing a group have in common: how a run of groups stands, and what becomes of one write of it.

import { isUtf8 } from "node:buffer";
import { type EpochMs, type EpochSeconds, toEpochSeconds } from "../../../core/clock.ts";
import type { Entry } from "../../../core/entry.ts";
import { type Fingerprint, fingerprintOf } from "../../../core/fingerprint.ts";
import type { Key } from "../../../core/key.ts";
import { type Problem, problem } from "../../../core/problem.ts";
import type { Value, WriteOutcome } from "../../replica.ts";
import type { FolderHandle, Synced } from "../folder-handles.ts";
import { describeFault, isDiskFull } from "../fs-fault.ts";
import type { RootIdentity } from "../tree-root.ts";
import type { TreeWriter } from "./tree-writer.ts";

/** How a whole run of groups stands. */
export interface WriteRun {
  readonly identity: RootIdentity;
  /** The marks of the folders created so far, by path (folder-handles.ts). */
  readonly made: Map<string, string>;
  readonly signal: AbortSignal | undefined;
  /** How many folders a group keeps open. */
  readonly foldersMax: number;
  /** Set by the first refusal for lack of space: nothing more is tried. */
  isDiskFull: boolean;
}

/** A write that is done once the folders it changed are synced. */
export interface Placed {
  readonly kind: "placed";
  readonly key: Key;
  readonly entry: Entry;
  readonly placedAt: EpochMs;
  readonly folders: readonly FolderHandle[];
  /** As in WriteOutcome. */
  readonly keptAside?: string | undefined;
}

export interface Failed {
  readonly kind: "problem";
  readonly key: Key;
  readonly problem: Problem;
}

export type StoredEntry = Entry & { readonly fingerprint: Fingerprint };

/** What a listing will show of `value`, but for the signature. A rule's time to live starts now. */
export function storedEntry({ entry, bytes }: Value, tree: TreeWriter): StoredEntry {
  const expiration =
    entry.ttlSeconds === undefined
      ? entry.expiration
      : ((toEpochSeconds(tree.clock.now()) + entry.ttlSeconds) as EpochSeconds);
  return {
    key: entry.key,
    fingerprint: entry.fingerprint ?? fingerprintOf(bytes),
    metadata: entry.metadata,
    expiration,
    ttlSeconds: undefined,
    size: bytes.byteLength,
    signature: undefined,
    binary: entry.binary ?? !isUtf8(bytes),
  };
}

/** What the file system refuses becomes a problem of this key. */
export function attempt<T>(run: WriteRun, key: Key, work: () => T): T | Failed {
  try {
    return work();
  } catch (error) {
    if (isDiskFull(error)) run.isDiskFull = true;
    return refuse(key, `could not be written: ${isDiskFull(error) ? "the disk is full" : describeFault(error)}`);
  }
}

export function refuse(key: Key, message: string): Failed {
  return { kind: "problem", key, problem: problem("write-failed", key, message) };
}

export function confirm({ key, entry, placedAt, folders, keptAside }: Placed, synced: Synced): WriteOutcome {
  const fault = synced.fault ?? folders.map((folder) => synced.faults.get(folder)).find((found) => found !== undefined);
  if (fault !== undefined) return refuse(key, `is written, but might not survive a crash: ${describeFault(fault)}`);
  return { kind: "written", key, entry, confirmedAt: placedAt, ...(keptAside !== undefined && { keptAside }) };
}
