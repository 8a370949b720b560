// Which snapshots a drill is about when nobody names one: of each source the newest that is complete.

import { sourceKey } from "../backup/retention/decide-retention.ts";
import { newestOf } from "../backup/repository/snapshot-times.ts";
import type { SnapshotSummary } from "../backup/repository/snapshots.ts";
import type { EpochMs } from "../core/clock.ts";

export interface NewestOfEach {
  readonly newest: readonly SnapshotSummary[];
  /** Labels of sources of which there is no complete snapshot. */
  readonly lacking: readonly string[];
}

/** `namespace`: title, id or label of the only source that is meant. `now`: by the store's clock. */
export function newestOfEach(
  snapshots: readonly SnapshotSummary[],
  { namespace, now }: { readonly namespace?: string | undefined; readonly now: EpochMs },
): NewestOfEach {
  const sources = new Map<string, SnapshotSummary[]>();
  for (const snapshot of snapshots) {
    const { namespace: id, title, label } = snapshot.source;
    if (namespace !== undefined && ![id, title, label].includes(namespace)) continue;
    const key = sourceKey(snapshot);
    sources.set(key, [...(sources.get(key) ?? []), snapshot]);
  }
  const newest: SnapshotSummary[] = [];
  const lacking: string[] = [];
  for (const ofSource of sources.values()) {
    const latest = newestOf(
      ofSource.filter(({ complete }) => complete),
      now,
    );
    if (latest === undefined) lacking.push(ofSource[0]!.source.label);
    else newest.push(latest);
  }
  return { newest, lacking };
}
