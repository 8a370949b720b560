// Migrations whose records are in the daemon's state folder, for its status. Other processes run them: the daemon looks at what they keep on disk
// when its status is asked for, by a person, the page or the notices, and at most every two seconds. Their folders may be anybody's, made under
// sudo say: a folder that cannot be read is left out, and never makes the status fail.

import type { Clock, DurationMs, MonotonicMs } from "../core/clock.ts";
import { operationErrorOf } from "../journal/operation-error.ts";
import { migrationFiles, openMigrationFolder } from "../migration/migration-folder.ts";
import { isOver, type MigrationRecord } from "../migration/migration-record.ts";
import { type MigrationStatus, migrationStatus } from "../migration/migration-status.ts";
import { isRunning } from "../migration/run-mark.ts";

/** Whose records were written last, the newest first; what cannot be read is left out, and told by `kvsync migrate status`. */
export type MigrationLooks = () => readonly MigrationStatus[];

const LOOK_MS: DurationMs = 2000;
/** Whether a process works on one is asked by a lock: less often than its progress is read. What could not be read is tried as often. */
const RUNNING_MS: DurationMs = 10_000;
const SHOWN_MAX = 20;

interface Known {
  readonly version: string;
  readonly record: MigrationRecord | undefined;
  isRunning: boolean;
  lookedAt: MonotonicMs;
}

export function openMigrationLooks({
  clock,
  stateDir,
}: {
  readonly clock: Clock;
  readonly stateDir: string;
}): MigrationLooks {
  let known: ReadonlyMap<string, Known> = new Map();
  let shown: readonly MigrationStatus[] = [];
  let lookedAt: MonotonicMs | undefined;

  function lookAt(name: string, version: string): Known {
    const before = known.get(name);
    const now = clock.monotonic();
    const isSame = before?.version === version;
    const isFinal = before?.record !== undefined && isOver(before.record);
    if (isSame && (isFinal || now - before.lookedAt < RUNNING_MS)) return before;
    const read = unlessUnreadable(() => {
      const folder = openMigrationFolder(stateDir, name);
      const record = (isSame ? before.record : undefined) ?? folder.read();
      return { record, isRunning: record !== undefined && !isOver(record) && isRunning(folder) };
    });
    return { version, record: read?.record, isRunning: read?.isRunning ?? false, lookedAt: now };
  }

  return () => {
    const now = clock.monotonic();
    if (lookedAt !== undefined && now - lookedAt < LOOK_MS) return shown;
    lookedAt = now;
    const files = unlessUnreadable(() => migrationFiles(stateDir)) ?? [];
    known = new Map(files.slice(0, SHOWN_MAX).map(({ name, version }) => [name, lookAt(name, version)]));
    shown = [...known].flatMap(([name, { record, isRunning }]) => {
      if (record === undefined) return [];
      const progress = isRunning
        ? unlessUnreadable(() => openMigrationFolder(stateDir, name).readProgress())
        : undefined;
      return migrationStatus(record, { isRunning, progress });
    });
    return shown;
  };
}

/** Undefined where a file or folder cannot be read. Throws bugs. */
function unlessUnreadable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (operationErrorOf(error) === undefined) throw error;
    return undefined;
  }
}
