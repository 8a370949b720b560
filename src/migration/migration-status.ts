// How a migration stands, as a status tells it: plain data, from what is kept of it on disk. The JSON form is a contract with scripts: fields are
// added, and never change their meaning.

import type { ByteCount, EpochMs } from "../core/clock.ts";
import {
  type FailureRecord,
  type MigrationRecord,
  type MigrationState,
  type RunningProgress,
  sumCounts,
} from "./migration-record.ts";
import { PROOF_VERDICTS } from "./proof/proof.ts";

export interface MigrationStatus {
  readonly migration: string;
  /** Accounts, as the config calls them. */
  readonly source: string;
  readonly destination: string;
  readonly state: MigrationState;
  /** A process works on it. */
  readonly running: boolean;
  readonly startedAt: EpochMs;
  /** When its record was last written. */
  readonly changedAt: EpochMs;
  readonly endedAt: EpochMs | null;
  readonly namespaces: { readonly total: number; readonly copied: number; readonly failed: number };
  /** Of all namespaces together, by their last passes. */
  readonly keys: number;
  readonly bytes: ByteCount;
  readonly failedKeys: number;
  /** Of the pass that runs; null: none does, or it has not told yet. */
  readonly progress: RunningProgress | null;
  /** Why the last run ended before the migration did; null: it did not. */
  readonly failure: FailureRecord | null;
  /** The worst of its namespaces' proofs, in a word; null: there is none yet. */
  readonly verdict: string | null;
}

export function migrationStatus(
  record: MigrationRecord,
  { isRunning, progress }: { readonly isRunning: boolean; readonly progress: RunningProgress | undefined },
): MigrationStatus {
  const { name, asked, state, startedAt, changedAt, endedAt, namespaces, failure } = record;
  const { keys, bytes, failed: failedKeys } = sumCounts(namespaces);
  const verdicts = new Set(namespaces.map(({ verdict }) => verdict));
  return {
    migration: name,
    source: asked.source.account,
    destination: asked.destination.account,
    state,
    running: isRunning,
    startedAt,
    changedAt,
    endedAt,
    namespaces: {
      total: namespaces.length,
      copied: namespaces.filter(({ isCopied }) => isCopied).length,
      failed: namespaces.filter((one) => one.failure !== null).length,
    },
    keys,
    bytes,
    failedKeys,
    progress: progress ?? null,
    failure,
    verdict: PROOF_VERDICTS.findLast((verdict) => verdicts.has(verdict)) ?? null,
  };
}
