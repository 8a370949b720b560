// The rows of the base for what is carried out: for keys that both sides hold alike, and for what was written [I4].

import type { ByteCount, EpochMs } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import { assert } from "../../core/errors.ts";
import type { WriteOutcome } from "../../replica/replica.ts";
import type { NewBaseRow } from "../ports.ts";
import type { ApplyDeps, Direction } from "./direction.ts";

/** The row for a key that both sides hold alike. */
export function equalRow(one: Entry, other: Entry, deps: ApplyDeps): NewBaseRow {
  const fingerprint = one.fingerprint ?? other.fingerprint;
  const size = one.size ?? other.size;
  assert(fingerprint !== undefined && size !== undefined, "what is recorded as equal has been compared");
  return {
    key: one.key,
    fingerprint,
    metadata: one.metadata,
    expiration: one.expiration ?? other.expiration,
    size,
    binary: one.binary ?? other.binary,
    signature: one.signature ?? other.signature,
    hashedAt: deps.startedAt,
    agreedAt: deps.clock.now(),
  };
}

/** A write that is not yet confirmed: only what is needed then, since there are some 15,000. Its bytes belong to the side
 * that sends them. */
export interface InFlight {
  readonly replaces: boolean;
  readonly isConflict: boolean;
  readonly copy: string | undefined;
  readonly entry: Entry;
  readonly size: ByteCount;
  readonly readAt: EpochMs;
}

export function writtenRow(
  { entry, size, readAt }: InFlight,
  outcome: Extract<WriteOutcome, { kind: "written" }>,
): NewBaseRow {
  const written = outcome.entry;
  const fingerprint = entry.fingerprint ?? written.fingerprint;
  assert(fingerprint !== undefined, "a value that was read has a fingerprint");
  return {
    key: outcome.key,
    fingerprint,
    metadata: entry.metadata,
    expiration: written.expiration ?? entry.expiration,
    size,
    binary: entry.binary ?? written.binary,
    signature: entry.signature ?? written.signature,
    hashedAt: entry.signature === undefined ? outcome.confirmedAt : readAt,
    agreedAt: outcome.confirmedAt,
  };
}

/** Confirmed writes that the base does not know yet. A crash before it does costs the next round a comparison. */
const RECORDS_MAX = 1000;

export function openRecorder({ base, clock, to }: Direction): {
  add(row: NewBaseRow): void;
  /** A commit has its price, whatever the number of rows: a tree confirms 128 at a time. */
  commitMany(): void;
  commit(): void;
} {
  let rows: NewBaseRow[] = [];
  const commit = (): void => {
    const overwrites = to === "destination";
    if (rows.length > 0) base.commit({ record: rows, forget: [], now: clock.now(), overwrites });
    rows = [];
  };
  return {
    add: (row) => rows.push(row),
    commitMany: () => {
      if (rows.length >= RECORDS_MAX) commit();
    },
    commit,
  };
}
