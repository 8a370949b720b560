// The conflicts of a mapping, as they are listed: those that wait, as its rounds last found them, and the conflict copies in its folder.
// No value is read, and no request is sent.

import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { EpochMs } from "../../core/clock.ts";
import { encodeKey, valueSuffixedPath } from "../../core/names/path-codec.ts";
import { openWaitingConflicts, type WaitingConflict } from "../../journal/waiting-conflicts.ts";
import { faultCode } from "../../replica/tree/fs-fault.ts";
import { readMappingOutcome } from "../mapping-outcome.ts";
import type { ConflictDeps } from "./choose-conflict.ts";
import type { ConflictLine, ConflictList, ConflictSide } from "./conflict-lines.ts";
import { findCopies, type FoundCopy } from "./find-copies.ts";
import { CONFLICTS_KEPT_MAX, decodeVersions, inKeyOrder, newerOf } from "./remember-conflicts.ts";

export async function listConflicts(deps: ConflictDeps, signal: AbortSignal): Promise<ConflictList> {
  const { journal, stateDir, mapping } = deps;
  const waiting = openWaitingConflicts(journal).list(mapping.name);
  const inAll = readMappingOutcome(journal, mapping.name)?.conflicts ?? 0;
  const { copies, more } = await findCopies(mapping, { stateDir, copiesMax: CONFLICTS_KEPT_MAX, signal });
  const lines = copies.toSorted(byAge).map((copy) => copyLine(deps, copy));
  return {
    conflicts: [...waiting.map((conflict) => waitingLine(mapping.name, conflict)), ...inKeyOrder(lines)],
    more: more + Math.max(0, inAll - waiting.length),
  };
}

function byAge(a: FoundCopy, b: FoundCopy): number {
  return a.at - b.at || a.number - b.number;
}

export function waitingLine(mapping: string, { key, since, versions: text }: WaitingConflict): ConflictLine {
  const versions = decodeVersions(text);
  const { local, remote } = versions;
  return { mapping, key, kind: "waiting", since, newer: newerOf(versions), copy: null, local, remote };
}

export function copyLine({ mapping }: Pick<ConflictDeps, "mapping">, { key, path, at }: FoundCopy): ConflictLine {
  const { name, folder, names } = mapping;
  const file = fileSide(join(folder, encodeKey(key, names))) ?? fileSide(join(folder, valueSuffixedPath(key, names)));
  const local = fileSide(join(folder, path));
  return { mapping: name, key, kind: "copy", since: at, newer: null, copy: path, local, remote: file };
}

/** What can be told without opening it. */
function fileSide(path: string): ConflictSide | null {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile()) return null;
    const modifiedAt = Math.round(stats.mtimeMs) as EpochMs;
    return { size: stats.size, fingerprint: null, metadata: null, expiration: null, modifiedAt };
  } catch (error) {
    faultCode(error);
    return null;
  }
}

/** Of several mappings. */
export function joinedLists(lists: readonly ConflictList[]): ConflictList {
  return {
    conflicts: lists.flatMap(({ conflicts }) => conflicts),
    more: lists.reduce((sum, { more }) => sum + more, 0),
  };
}
