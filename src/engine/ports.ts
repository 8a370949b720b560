// What the engine needs of the journal, as ports: the engine knows no SQLite, and a simulation may swap them.

import type { EpochMs } from "../core/clock.ts";
import type { BaseRow, Entry, Tombstone } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import type { UnsettledVersion } from "../core/settle.ts";
import type { Value } from "../replica/replica.ts";

/** What is kept of one pair of replicas. */
export type PairStore = BaseStore & UnsettledStore & IntentStore & SourceStore;

/** The base: what both sides last agreed on. */
export interface BaseStore {
  /** In key order [I1], tombstones among the rows. Not to be read while `commit` is called. */
  scan(): AsyncIterable<readonly (BaseRow | Tombstone)[]>;
  /** The rows and tombstones of these keys, in their order; without those that it does not know. */
  lookup(keys: readonly Key[]): readonly (BaseRow | Tombstone)[];
  /** The keys, tombstones among them, that begin with `prefix`; the first `keysMax` if they are more. Costs nothing for other keys. */
  keysBelow(prefix: string, keysMax: number): readonly Key[];
  /** How many keys both sides agreed on. */
  count(): number;
  /** One transaction. Only for what both sides have confirmed [I4]. It settles what was intended for a key, and
   * what was shown of it, if that is recorded or `overwrites`: then it is a version that the key had before. */
  commit(change: BaseChange): void;
  /** To be called before a round. Where the clock was set back since something was dated, what lies ahead counts as of `now`, so
   * that its window begins anew, rather than to last for as long as the clock was wrong. */
  redate(now: EpochMs): void;
}

/** The versions that the remote showed, and that both sides do not agree on yet. */
export interface UnsettledStore {
  /** Remembers versions, each until it is settled. One that is known already keeps its time. */
  rememberUnsettled(entries: readonly Entry[], now: EpochMs): void;
  /** Those of each key in the order in which they were shown first: of the last day, and the latest 100,000 at the most. */
  unsettled(): ReadonlyMap<Key, readonly UnsettledVersion[]>;
}

interface SourceStore {
  /** The same of a source that may lag as well, between two namespaces: the remote is the destination then. */
  ofSource(): UnsettledStore;
}

/** The versions that are on their way from one side to the other. */
export interface IntentStore {
  /** Before it is sent: what one side holds is about to be written to the other. */
  intend(to: Intent["to"], entries: readonly Entry[], now: EpochMs): void;
  /** What was intended and is not known to be done: of the last day, and the latest 100,000 at the most. */
  intents(): ReadonlyMap<Key, Intent>;
}

export interface BaseChange {
  /** Their `previous` is not read: what a row was before is added to it by the store, if its version changed. */
  readonly record: readonly NewBaseRow[];
  /** These become tombstones, for as long as an old listing may still show them. */
  readonly forget: readonly Key[];
  readonly now: EpochMs;
  /** The remote was written to: whatever it showed is replaced. Else any other version than the one recorded may
   * well be the newer one, and stays unsettled. */
  readonly overwrites?: boolean;
}

/** A version on its way from one side to the other. */
export interface Intent {
  readonly to: "source" | "destination";
  readonly entry: Entry;
}

export type NewBaseRow = Omit<BaseRow, "previous">;

/** A key that one side is without, and the label of the side that is to lose it for that. */
export interface GoneKey {
  readonly key: Key;
  readonly side: string;
}

/** The keys that were seen to be gone, and whose removal waits. */
export interface GoneKeys {
  /** When it was first seen to be gone; undefined: it was not. */
  since(gone: GoneKey): EpochMs | undefined;
  /** Those behind `after` and up to `upTo`; undefined: from the first, or to the last. */
  between(after: Key | undefined, upTo: Key | undefined): readonly Key[];
  among(keys: readonly Key[]): readonly Key[];
  /** `fresh` are gone as of `now`; `over` are not gone any more. */
  note(change: { readonly fresh: readonly GoneKey[]; readonly over: readonly Key[]; readonly now: EpochMs }): void;
}

/** Where what is about to be destroyed is kept. Returns when it is safe on disk [I6]. */
export interface Trash {
  save(values: readonly Value[], loss: Loss): Promise<void>;
}

export interface Loss {
  /** "conflict-copy": it lay beside the key's file, and never was what the key had at that time. */
  readonly reason: "replaced" | "removed" | "conflict-copy";
  /** The label of the replica that is about to lose them. */
  readonly side: string;
}

/** Pages of a plan that has outgrown memory: appended, then read in order, any number of times. */
export interface Spool {
  append(list: string, page: Uint8Array): void;
  scan(list: string): Iterable<Uint8Array>;
  clear(): void;
}
