// A migration as metrics: where it stands, by its record, and how far its process is.

import type { EpochMs } from "../core/clock.ts";
import { MIGRATION_STATES, type MigrationRecord } from "../migration/migration-record.ts";
import type { MigrationProgress } from "../migration/migration-events.ts";
import type { DefinedMetrics } from "./define-metrics.ts";

export interface MigrationMetrics {
  readonly record: MigrationRecord;
  /** Undefined: it has not told yet. */
  readonly progress: Pick<MigrationProgress, "keys" | "keysTotal" | "bytes"> | undefined;
  readonly isRetrying: boolean;
  /** When a key was read or written last, or compared; undefined: not yet. */
  readonly movedAt: EpochMs | undefined;
}

export function showMigration(
  { record, progress, isRetrying, movedAt }: MigrationMetrics,
  { gauges }: DefinedMetrics,
): void {
  const { name: migration, state: current, namespaces } = record;
  for (const state of MIGRATION_STATES) gauges.migrationState.set({ migration, state }, state === current ? 1 : 0);
  const failed = namespaces.filter(({ failure }) => failure !== null).length;
  const copied = namespaces.filter(({ failure, isCopied }) => failure === null && isCopied).length;
  const outcomes = { copied, failed, waiting: namespaces.length - copied - failed };
  for (const [outcome, count] of Object.entries(outcomes))
    gauges.migrationNamespaces.set({ migration, outcome }, count);
  gauges.migrationRetrying.set({ migration }, isRetrying ? 1 : 0);
  if (movedAt !== undefined) gauges.migrationMoved.set({ migration }, movedAt / 1000);
  if (progress === undefined) return;
  gauges.migrationKeys.set({ migration }, progress.keys);
  gauges.migrationBytes.set({ migration }, progress.bytes);
  if (progress.keysTotal !== undefined) gauges.migrationKeysTotal.set({ migration }, progress.keysTotal);
}
