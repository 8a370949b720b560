// What is kept of a migration, in one file: what was asked for, which namespaces, how far it is and how it ended. Written whole each
// time, so that whoever reads it beside the running process sees one moment. Which keys are copied is not in it: the journal's base
// knows that, a row a key.

import type { EpochMs } from "../core/clock.ts";
import type { NamespaceId } from "../kv/kv-api.ts";

/** In the order in which a migration goes through them. */
export const MIGRATION_STATES = [
  /** Looked at, and nothing changed yet. */
  "planned",
  /** The first pass over all keys. */
  "copying",
  /** The source is looked at again and again, and what changed is carried over. */
  "catching-up",
  /** Nothing has changed for a while: writers may be stopped, or moved. */
  "ready",
  /** The last pass, after `kvsync migrate cutover`. */
  "cutting-over",
  /** Both sides are compared. */
  "proving",
  "done",
  "aborted",
  /** Put back by `kvsync migrate undo`. */
  "undone",
] as const;

export type MigrationState = (typeof MIGRATION_STATES)[number];

export interface AccountSide {
  /** As the config calls it. */
  readonly account: string;
  readonly accountId: string;
  /** The API's address, or "embedded". */
  readonly api: string;
}

/** Which keys: as they were given. */
export interface AskedFilter {
  readonly prefix: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** What makes a migration what it is: a run that asks for something else is another migration. */
export interface Asked {
  readonly source: AccountSide;
  readonly destination: AccountSide;
  /** Titles, ids or patterns at the source; undefined: all. */
  readonly namespaces: readonly string[] | null;
  /** The title at the destination, where there is only one namespace, and it has another title there. */
  readonly as: string | null;
  /** `old/=new/` */
  readonly rename: readonly string[];
  readonly filter: AskedFilter;
  /** Nothing is added to the metadata at the destination; absent: the stamp of each value is. */
  readonly stamp?: false;
}

/** What a namespace is: for good. */
export interface NamespaceFacts {
  readonly id: NamespaceId;
  readonly title: string;
  readonly jurisdiction?: string | undefined;
  readonly mode?: string | undefined;
}

export interface CopyCounts {
  /** Keys of the source. */
  readonly keys: number;
  readonly bytes: number;
  readonly written: number;
  readonly removed: number;
  readonly unchanged: number;
  /** That the destination holds otherwise, and that were left as they are there. */
  readonly kept: number;
  /** That expired, or were deleted at the source, before they were copied. */
  readonly gone: number;
  readonly failed: number;
}

export interface NamespaceRecord {
  readonly source: NamespaceFacts;
  /** `id` is null until it is created. */
  readonly destination: Omit<NamespaceFacts, "id"> & { readonly id: NamespaceId | null };
  /** This migration makes it, or has made it. */
  readonly isNew: boolean;
  /** Its creation was asked for, whether or not the answer came. */
  readonly isAskedFor?: boolean;
  /** What the destination held before the first write. */
  readonly before: {
    readonly keys: number;
    /** The archive of it, in the migration's folder; null: there was nothing. */
    readonly archive: string | null;
  };
  /** All keys were carried over at least once. */
  readonly isCopied: boolean;
  readonly counts: CopyCounts;
  /** Why it stopped; null: it did not. */
  readonly failure: FailureRecord | null;
  /** How the last comparison ended, in a word; null: there was none yet. */
  readonly verdict: string | null;
}

export interface FailureRecord {
  readonly code: string;
  readonly message: string;
  readonly at: EpochMs;
}

/** What `kvsync migrate status` shows of a process that runs. */
export interface RunningProgress {
  readonly keys: number;
  readonly keysTotal: number | null;
  readonly bytes: number;
  readonly requests: number;
  readonly retries: number;
  readonly at: EpochMs;
}

export interface MigrationRecord {
  readonly kvsync: "migration";
  readonly version: 1;
  readonly name: string;
  readonly asked: Asked;
  /** What the user let pass: see {@link Finding}. */
  readonly accepted: readonly string[];
  readonly follow: boolean;
  readonly verify: string;
  /** Of the sample that is read. */
  readonly seed: number;
  readonly state: MigrationState;
  readonly namespaces: readonly NamespaceRecord[];
  /** Of those that follow the source: how many there were, and in how many of the last ones in a row nothing changed. */
  readonly rounds: number;
  readonly quietRounds: number;
  /** Why the last run ended before the migration did. */
  readonly failure: FailureRecord | null;
  readonly startedAt: EpochMs;
  readonly changedAt: EpochMs;
  readonly endedAt: EpochMs | null;
  /** How often it was started. */
  readonly runs: number;
  /** Of the process that works on it, or did the last time. */
  readonly pid: number;
}

export const NO_COUNTS: CopyCounts = {
  keys: 0,
  bytes: 0,
  written: 0,
  removed: 0,
  unchanged: 0,
  kept: 0,
  gone: 0,
  failed: 0,
};

/** Whether nothing more is to be done for it unless it is asked for again. */
export function isOver({ state }: Pick<MigrationRecord, "state">): boolean {
  return state === "done" || state === "aborted" || state === "undone";
}

/** Of all namespaces together. */
export function sumCounts(namespaces: readonly NamespaceRecord[]): CopyCounts {
  return namespaces.reduce((sum, { counts }) => addCounts(sum, counts), NO_COUNTS);
}

function addCounts(a: CopyCounts, b: CopyCounts): CopyCounts {
  return {
    keys: a.keys + b.keys,
    bytes: a.bytes + b.bytes,
    written: a.written + b.written,
    removed: a.removed + b.removed,
    unchanged: a.unchanged + b.unchanged,
    kept: a.kept + b.kept,
    gone: a.gone + b.gone,
    failed: a.failed + b.failed,
  };
}
