// What the engine needs of the journal, as ports: the engine knows no SQLite, and a simulation may swap them.

import type { BaseRow } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import type { Value } from "../replica/replica.ts";

/** The base of one pair of replicas: what both last agreed on. */
export interface BaseStore {
  /** In key order [I1]. Not to be read while `commit` is called. */
  scan(): AsyncIterable<readonly BaseRow[]>;
  /** One transaction. Only for what both sides have confirmed [I4]. */
  commit(change: BaseChange): void;
}

export interface BaseChange {
  readonly record: readonly BaseRow[];
  readonly forget: readonly Key[];
}

/** Where what is about to be destroyed is kept. Returns when it is safe on disk [I6]. */
export interface Trash {
  save(values: readonly Value[], reason: TrashReason): Promise<void>;
}

export type TrashReason = "replaced" | "removed";

/** Pages of a plan that has outgrown memory: appended, then read in order, any number of times. */
export interface Spool {
  append(list: string, page: Uint8Array): void;
  scan(list: string): Iterable<Uint8Array>;
  clear(): void;
}
