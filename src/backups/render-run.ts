// What a run of a backup came to, in a line for people.

import { renderByteCount, renderDuration } from "../core/units.ts";
import type { BackupRun } from "./backup-report.ts";

/** `3 snapshots of 1,200 keys (2 MiB), 12 values read, 3.1 KiB stored, 4 requests, 2 old snapshots forgotten, 1.2s` */
export function renderRun(run: BackupRun): string {
  const { snapshots, keys, bytes, valuesRead, bytesStored, failed, requests, forgotten, freed, durationMs } = run;
  const parts = [
    `${snapshots === 0 ? "no new snapshot" : counted(snapshots, "snapshot")} of ${counted(keys, "key")} (${renderByteCount(bytes)})`,
    `${counted(valuesRead, "value")} read`,
    `${renderByteCount(bytesStored)} stored`,
  ];
  if (failed > 0) parts.push(`${counted(failed, "key")} failed`);
  if (requests > 0) parts.push(counted(requests, "request"));
  if (forgotten > 0) parts.push(`${counted(forgotten, "old snapshot")} forgotten`);
  if (freed !== null && freed > 0) parts.push(`${renderByteCount(freed)} freed`);
  return [...parts, renderDuration(durationMs)].join(", ");
}

function counted(amount: number, noun: string): string {
  return `${amount.toLocaleString("en-US")} ${noun}${amount === 1 ? "" : "s"}`;
}
