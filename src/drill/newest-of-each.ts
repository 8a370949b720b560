// Which snapshots a drill is about when nobody names one: of each source the newest that is complete.

import { sourceKey } from "../backup/retention/decide-retention.ts";
import { type SnapshotSummary, timeOf } from "../backup/repository/snapshots.ts";

export interface NewestOfEach {
  readonly newest: readonly SnapshotSummary[];
  /** Labels of sources of which there is no complete snapshot. */
  readonly lacking: readonly string[];
}

/** `namespace`: title, id or label of the only source that is meant. */
export function newestOfEach(snapshots: readonly SnapshotSummary[], namespace: string | undefined): NewestOfEach {
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
    const [latest] = ofSource.filter(({ complete }) => complete).toSorted((a, b) => timeOf(b) - timeOf(a));
    if (latest === undefined) lacking.push(ofSource[0]!.source.label);
    else newest.push(latest);
  }
  return { newest, lacking };
}
