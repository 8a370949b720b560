// Which snapshots a backup forgets, by its rules: those of the very sources that were just backed up, and, where the
// backup has tags, only those with these tags. What else a repository holds is nobody's to forget.

import { decideRetention, sourceKey } from "../backup/retention/decide-retention.ts";
import type { StoredSnapshot } from "../backup/repository/repository.ts";
import type { SnapshotSummary } from "../backup/repository/snapshots.ts";
import type { EpochMs } from "../core/clock.ts";
import type { RetentionRule } from "../core/retention-rule.ts";

export interface ForgetRequest {
  /** All snapshots of the repository. */
  readonly snapshots: readonly SnapshotSummary[];
  /** Those that the backup has just made, or found to be as they were. */
  readonly made: readonly Pick<StoredSnapshot, "source" | "filter">[];
  readonly tags: readonly string[];
  /** Not empty. */
  readonly rules: readonly RetentionRule[];
  readonly now: EpochMs;
  readonly timeZone: string;
}

export function planForget(request: ForgetRequest): readonly SnapshotSummary[] {
  const { snapshots, made, tags, rules, now, timeZone } = request;
  const keys = new Set(made.map(sourceKey));
  const own = snapshots.filter(
    (snapshot) => keys.has(sourceKey(snapshot)) && tags.every((tag) => snapshot.tags.includes(tag)),
  );
  return decideRetention(own, rules, { now, timeZone })
    .flatMap(({ verdicts }) => verdicts)
    .flatMap(({ isKept, snapshot }) => (isKept ? [] : [snapshot]));
}
