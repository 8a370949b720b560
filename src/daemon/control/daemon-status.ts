// What a running daemon says of itself over its control socket: plain data. The JSON form is a contract with scripts, as that
// of a mapping's status is: fields are added, and never change their meaning.

import type { BackupStatus } from "../../backups/backup-status.ts";
import type { DurationMs, EpochMs } from "../../core/clock.ts";
import type { Priority, RequestCounts } from "../../kv/kv-api.ts";
import type { MigrationStatus } from "../../migration/migration-status.ts";
import type { NoticeStatus } from "../../notices/notice-status.ts";
import type { MappingStatus } from "../../mapping/status.ts";

export interface AccountStatus {
  readonly account: string;
  /** Requests that may be sent at once now; null: there is no limit. */
  readonly budgetLeft: number | null;
  readonly budget: { readonly requests: number; readonly windowMs: DurationMs } | null;
  /** Requests that wait for the budget. */
  readonly waiting: number;
  /** Why the last request failed that is to be sent again, in lower case, for people; null: the account answers. */
  readonly retrying: string | null;
  /** For how long no request has had a good answer; null: the account answers. */
  readonly retryingForMs: DurationMs | null;
  /** Sent since the account was connected. */
  readonly requests: RequestCounts;
  /** What they were sent for: listings (scan), values and changes (edit), the scrub, and backups. */
  readonly requestsFor: Readonly<Record<Priority, number>>;
}

export interface DaemonStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: EpochMs;
  readonly now: EpochMs;
  readonly configFile: string | null;
  readonly stateDir: string;
  readonly mappings: readonly MappingStatus[];
  /** Those that run by themselves. */
  readonly backups: readonly BackupStatus[];
  /** Whose records are in the state folder, the one that was written last first; the newest of them. */
  readonly migrations: readonly MigrationStatus[];
  readonly accounts: readonly AccountStatus[];
  /** Those who are told when a person should look. */
  readonly notices: readonly NoticeStatus[];
  /** Folders under `auto` that cannot name a mapping. */
  readonly skippedFolders: readonly string[];
  /** Loops that have shown no sign of life for long; none, but for a bug. */
  readonly stuck: readonly string[];
}
