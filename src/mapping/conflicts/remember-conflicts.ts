// The conflicts of a mapping that wait, from round to round: what a round found of them, with what is known of both versions. A round
// over some keys tells of those alone. A conflict is over when a round could tell so [I3]: a key that it could not look at, or that a side
// shows late, waits on.

import type { EpochMs } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import { compareUtf8, type Key } from "../../core/key.ts";
import { parseJson } from "../../core/json.ts";
import type { WaitingConflict, WaitingConflicts } from "../../journal/waiting-conflicts.ts";
import type { ConflictSide } from "./conflict-lines.ts";

/** Both versions, as the journal keeps them. */
export interface ConflictVersions {
  readonly local: ConflictSide;
  readonly remote: ConflictSide;
  /** When all keys were looked at before the remote's version was seen: it is newer than that; null: not known. */
  readonly remoteAfter: EpochMs | null;
}

/** What one round found. */
export interface FoundConflicts {
  add(key: Key, local: Entry, remote: Entry): void;
  /** The round came to this key. `isDecided`: the key is in no conflict. */
  looked(key: Key, isDecided: boolean): void;
  /** Of a key that waited before; undefined: the round did not come to it. */
  isDecided(key: Key): boolean | undefined;
  /** The first of them, in the order in which they were found. */
  readonly first: readonly { readonly key: Key; readonly local: Entry; readonly remote: Entry }[];
  /** How many in all. */
  readonly count: number;
}

/** More than a person goes through, and few enough to keep in memory. */
export const CONFLICTS_KEPT_MAX = 1000;

/** `known`: the keys that waited before. */
export function openFoundConflicts(known: ReadonlySet<Key>): FoundConflicts {
  const first: { key: Key; local: Entry; remote: Entry }[] = [];
  const decided = new Map<Key, boolean>();
  let count = 0;
  return {
    first,
    looked(key, isDecided) {
      if (known.has(key)) decided.set(key, isDecided);
    },
    isDecided: (key) => decided.get(key),
    get count() {
      return count;
    },
    add(key, local, remote) {
      count++;
      if (first.length < CONFLICTS_KEPT_MAX) first.push({ key, local, remote });
    },
  };
}

export interface ConflictRound {
  readonly mapping: string;
  readonly found: FoundConflicts;
  /** The keys that it looked at; undefined: all. */
  readonly keys: readonly Key[] | undefined;
  readonly startedAt: EpochMs;
  /** When the last look at all keys before it began. */
  readonly lookedAt: EpochMs | null;
  /** How many waited before it. */
  readonly before: number;
}

/** Keeps what the round found. Returns how many wait now. */
export function rememberConflicts(conflicts: WaitingConflicts, round: ConflictRound): number {
  const { mapping, found, keys, before } = round;
  // A mapping without any costs nothing.
  if (before === 0 && found.count === 0) return 0;
  const old = keys === undefined ? conflicts.list(mapping) : conflicts.among(mapping, keys);
  const known = new Map(old.map((conflict) => [conflict.key, conflict]));
  const next = found.first.map((conflict) => waitingOf(conflict, known.get(conflict.key), round));
  const met = new Set(next.map(({ key }) => key));
  const unmet = old.flatMap(({ key }) => (met.has(key) ? [] : [key]));
  // What a look at all keys does not come to is at neither side.
  const over = unmet.filter((key) => found.isDecided(key) ?? keys === undefined);
  const put = next.filter(({ key, versions }) => known.get(key)?.versions !== versions);
  if (keys === undefined) {
    conflicts.change(mapping, { put, remove: over });
    return found.count + unmet.length - over.length;
  }
  const isNew = put.filter(({ key }) => !known.has(key));
  const room = Math.max(0, CONFLICTS_KEPT_MAX - conflicts.list(mapping).length + over.length);
  const leftOut = new Set(isNew.slice(room));
  conflicts.change(mapping, { put: put.filter((one) => !leftOut.has(one)), remove: over });
  return Math.max(0, before - over.length + isNew.length);
}

function waitingOf(
  { key, local, remote }: FoundConflicts["first"][number],
  known: WaitingConflict | undefined,
  { startedAt, lookedAt }: ConflictRound,
): WaitingConflict {
  const was = known === undefined ? undefined : decodeVersions(known.versions);
  const shown = sideOf(remote, startedAt);
  const isSeen = was !== undefined && isSame({ ...was.remote, modifiedAt: startedAt }, shown);
  const versions: ConflictVersions = {
    local: sideOf(local, modifiedAtOf(local)),
    remote: isSeen ? was.remote : shown,
    remoteAfter: isSeen ? was.remoteAfter : lookedAt,
  };
  return { key, since: known?.since ?? startedAt, versions: JSON.stringify(versions) };
}

function isSame(a: ConflictSide, b: ConflictSide): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export function modifiedAtOf({ signature }: Entry): EpochMs | null {
  return signature === undefined ? null : (Math.round(signature.mtimeMs) as EpochMs);
}

export function sideOf(entry: Entry, modifiedAt: EpochMs | null): ConflictSide {
  const { size, fingerprint, metadata, expiration } = entry;
  return {
    size: size ?? entry.signature?.size ?? null,
    fingerprint: fingerprint ?? null,
    metadata: metadata === undefined ? null : parseJson(metadata),
    expiration: expiration ?? null,
    modifiedAt,
  };
}

export function decodeVersions(text: string): ConflictVersions {
  return JSON.parse(text) as ConflictVersions;
}

/** Which version is the newer one, as far as that can be told: the remote's is from somewhere between the look before and the one that
 * first saw it. */
export function newerOf({ local, remote, remoteAfter }: ConflictVersions): "local" | "remote" | null {
  const written = local.modifiedAt;
  if (written === null || remote.modifiedAt === null) return null;
  if (written > remote.modifiedAt) return "local";
  return remoteAfter !== null && written < remoteAfter ? "remote" : null;
}

export function inKeyOrder<T extends { readonly key: string }>(conflicts: readonly T[]): readonly T[] {
  return conflicts.toSorted((a, b) => compareUtf8(a.key, b.key));
}
