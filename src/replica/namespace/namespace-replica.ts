// A Workers KV namespace, or the part of one under a prefix, as a replica.

import type { ByteCount } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import type { Problem } from "../../core/problem.ts";
import { type BatchPace, openBatchPace } from "../../kv/batch-ops.ts";
import { deleteKeys } from "../../kv/delete-keys.ts";
import type { CallOptions, KvApi, NamespaceId, Priority } from "../../kv/kv-api.ts";
import type { Key } from "../../core/key.ts";
import { listAllKeys } from "../../kv/list-all-keys.ts";
import type { ListOptions, Pages, RemoveOutcome, Replica, ReplicaDeps, TransferOptions } from "../replica.ts";
import { listedEntry, metadataFault } from "./listed-entry.ts";
import { fetchEntries } from "./fetch-entries.ts";
import { readEntries, type ReadOptions } from "./read-entries.ts";
import type { NamespaceSide } from "./namespace-side.ts";
import { fullKey, restKey } from "./scope.ts";
import { writeEntries } from "./write-entries.ts";

export interface NamespaceReplicaOptions extends ReplicaDeps {
  /** Stays the caller's: closing the replica does not close it. */
  readonly api: KvApi;
  readonly namespaceId: NamespaceId;
  /** For people: `prod:app-config`. */
  readonly label: string;
  /** Only keys under this prefix, which the replica's own keys do without. */
  readonly prefix?: string | undefined;
  /** False: values are written without a stamp, so that only reading them tells what they are. */
  readonly stamp?: boolean | undefined;
  /** How large its batches may be; unless it is given, as large as the API takes them. */
  readonly pace?: BatchPace | undefined;
  /** See TransferDeps. */
  readonly readBytesMax?: ByteCount | undefined;
  /** Of all its requests, instead of the usual ones. */
  readonly priority?: Priority | undefined;
}

/** Of every namespace, whether or not it is there already. */
export const NAMESPACE_TRAITS: Replica["traits"] = {
  eventuallyConsistent: true,
  readsCostRequests: true,
  readOrder: "any",
  writing: "in-place",
  needsBytesUntil: "next-page",
};

export function openNamespaceReplica(options: NamespaceReplicaOptions): Replica {
  const {
    clock,
    api,
    namespaceId,
    label,
    prefix = "",
    stamp = true,
    pace = openBatchPace(),
    priority,
    readBytesMax,
  } = options;
  const side: NamespaceSide = { clock, api, namespaceId, prefix, stamp, pace, readBytesMax };
  const call = (given: TransferOptions | undefined): CallOptions => ({
    signal: given?.signal,
    priority: priority ?? (given?.inBackground === true ? "scan" : undefined),
    once: given?.once,
  });
  const readCall = (given: TransferOptions | undefined): ReadOptions => ({
    ...call(given),
    ...(given?.onShown !== undefined && { onShown: given.onShown }),
  });
  return {
    kind: "namespace",
    label,
    traits: NAMESPACE_TRAITS,
    list: (given) => listEntries(side, given, call(given)),
    lookup: undefined,
    fetch: (keys, given) => fetchEntries(side, keys, { ...readCall(given), expected: given?.expected }),
    read: (entries, given) => readEntries(side, entries, readCall(given), given?.reusesBytes === true),
    write: (writes, given) => writeEntries(side, writes, call(given)),
    remove: (entries, given) => removeEntries(side, entries, call(given)),
    keepConflictCopy: undefined,
    close: async () => {},
  };
}

async function* listEntries(
  { clock, api, namespaceId, prefix }: NamespaceSide,
  { onProblem, onUnknown = () => {} }: ListOptions,
  options: CallOptions,
): Pages<Entry> {
  for await (const page of listAllKeys({ clock, api }, { namespaceId, prefix }, options)) {
    const entries: Entry[] = [];
    for (const listed of page) {
      const key = restKey(prefix, listed.name);
      if (typeof key !== "string") {
        onProblem(key);
        continue;
      }
      const fault = metadataFault(key, listed.metadata);
      if (fault === undefined) entries.push(listedEntry(key, listed));
      else {
        onProblem(fault);
        onUnknown({ key });
      }
    }
    yield entries;
  }
}

async function* removeEntries(side: NamespaceSide, entries: Pages<Entry>, options: CallOptions): Pages<RemoveOutcome> {
  let misfits: RemoveOutcome[] = [];
  const keys = async function* (): Pages<Key> {
    for await (const page of entries) {
      yield page.flatMap((entry) => {
        const key = fullKey(side.prefix, entry.key);
        if (typeof key === "string") return key;
        misfits.push({ kind: "problem", key: entry.key, problem: key });
        return [];
      });
    }
  };
  for await (const outcomes of deleteKeys(side, keys(), options)) {
    const page: RemoveOutcome[] = [...misfits];
    misfits = [];
    for (const outcome of outcomes) {
      const key = outcome.key.slice(side.prefix.length) as Key;
      const problem = (found: Problem): Problem => ({ ...found, subject: key });
      if (outcome.kind === "deleted") page.push({ kind: "removed", key });
      else page.push({ kind: "problem", key, problem: problem(outcome.problem) });
    }
    yield page;
  }
  if (misfits.length > 0) yield misfits;
}
