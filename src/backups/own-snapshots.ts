// Which snapshots of a repository are a backup's own, so that its rules may forget them: those that carry its tag. Those that carry another
// backup's tag never are, be it one of this config, of another machine, or one that has another name today. One without such a tag was made
// by hand, or before backups tagged theirs: it is the backup's only where nobody else may have made it. Pure.

import type { SnapshotSummary } from "../backup/repository/snapshots.ts";
import { sourceKey } from "../backup/retention/decide-retention.ts";
import type { BackupConfig } from "../config/config.ts";
import { backupTag, isBackupTag } from "../core/backup-tag.ts";

type Owner = Pick<BackupConfig, "name" | "tags" | "sharesSourcesWith">;

/** `snapshots`: all of the repository. */
export function ownSnapshots<S extends Pick<SnapshotSummary, "source" | "filter" | "tags">>(
  { name, tags, sharesSourcesWith }: Owner,
  snapshots: readonly S[],
): readonly S[] {
  const isNamed = (snapshot: S): boolean => snapshot.tags.some(isBackupTag);
  const isMine = (snapshot: S): boolean => snapshot.tags.includes(backupTag(name));
  const others = new Set(snapshots.filter((each) => isNamed(each) && !isMine(each)).map(sourceKey));
  const isAlone = (snapshot: S): boolean => sharesSourcesWith.length === 0 && !others.has(sourceKey(snapshot));
  return snapshots.filter(
    (snapshot) =>
      (isNamed(snapshot) ? isMine(snapshot) : isAlone(snapshot)) && tags.every((tag) => snapshot.tags.includes(tag)),
  );
}
