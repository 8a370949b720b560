// A migration that was asked to stop for good, noted as such: by the process that runs it, or, where none does, by the one that asks.

import type { Clock } from "../core/clock.ts";
import type { MigrationFolder } from "./migration-folder.ts";
import { isOver } from "./migration-record.ts";

/** Nothing, if it is over already or was never begun. */
export function abortMigration(
  folder: Pick<MigrationFolder, "read" | "write" | "clearRequests">,
  clock: Pick<Clock, "now">,
): void {
  const record = folder.read();
  if (record === undefined || isOver(record)) return;
  const now = clock.now();
  folder.write({ ...record, state: "aborted", changedAt: now, endedAt: now });
  folder.clearRequests();
}
