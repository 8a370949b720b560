// An entry as columns of a table: those of the journal's small tables of entries (unsettled versions, intents).

import type { EpochSeconds } from "../core/clock.ts";
import type { Entry } from "../core/entry.ts";
import type { Fingerprint } from "../core/fingerprint.ts";
import type { Key } from "../core/key.ts";

export interface EntryRow {
  readonly key: string;
  readonly fingerprint: string | null;
  readonly metadata: string | null;
  readonly expiration: number | null;
  readonly size: number | null;
  readonly binary: number | null;
}

/** What {@link entryOf} is selected with, and {@link entryColumns} inserted in the order of. */
export const ENTRY_COLUMNS = "CAST(key AS TEXT) AS key, fingerprint, metadata, expiration, size, binary";

export type EntryValues = [
  key: Buffer,
  fingerprint: string | null,
  metadata: string | null,
  expiration: number | null,
  size: number | null,
  binary: number | null,
];

export function entryColumns({ key, fingerprint, metadata, expiration, size, binary }: Entry): EntryValues {
  return [
    Buffer.from(key),
    fingerprint ?? null,
    metadata ?? null,
    expiration ?? null,
    size ?? null,
    binary === undefined ? null : Number(binary),
  ];
}

export function entryOf(row: EntryRow): Entry {
  return {
    key: row.key as Key,
    fingerprint: (row.fingerprint ?? undefined) as Fingerprint | undefined,
    metadata: row.metadata ?? undefined,
    expiration: (row.expiration ?? undefined) as EpochSeconds | undefined,
    ttlSeconds: undefined,
    size: row.size ?? undefined,
    signature: undefined,
    binary: row.binary === null ? undefined : row.binary === 1,
  };
}
