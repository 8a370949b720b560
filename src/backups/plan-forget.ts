// Which snapshots a backup forgets, by its rules: its own, of the very sources that were just backed up. What else a repository holds is
// not for it to forget, nor does it take the place of what it keeps.

import type { BackupConfig } from "../config/config.ts";
import { decideRetention, sourceKey } from "../backup/retention/decide-retention.ts";
import type { StoredSnapshot } from "../backup/repository/repository.ts";
import type { SnapshotSummary } from "../backup/repository/snapshots.ts";
import type { EpochMs } from "../core/clock.ts";
import { ownSnapshots } from "./own-snapshots.ts";

export interface ForgetRequest {
  /** All snapshots of the repository. */
  readonly snapshots: readonly SnapshotSummary[];
  /** Those that the backup has just made, or found to be as they were. */
  readonly made: readonly Pick<StoredSnapshot, "source" | "filter">[];
  /** Its `keep` is not empty. */
  readonly backup: Pick<BackupConfig, "name" | "tags" | "sharesSourcesWith" | "keep">;
  readonly now: EpochMs;
  readonly timeZone: string;
}

export function planForget(request: ForgetRequest): readonly SnapshotSummary[] {
  const { snapshots, made, backup, now, timeZone } = request;
  const keys = new Set(made.map(sourceKey));
  const own = ownSnapshots(backup, snapshots).filter((snapshot) => keys.has(sourceKey(snapshot)));
  return decideRetention(own, backup.keep, { now, timeZone })
    .flatMap(({ verdicts }) => verdicts)
    .flatMap(({ isKept, snapshot }) => (isKept ? [] : [snapshot]));
}
