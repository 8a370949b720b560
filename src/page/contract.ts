// What the page asks of the daemon and is told: types alone. They are those of the control socket, as JSON carries them.

import type { BackupStatus } from "../backups/backup-status.ts";
import type { SyncAnswer } from "../daemon/control/protocol.ts";
import type { AccountStatus, DaemonStatus as Status } from "../daemon/control/daemon-status.ts";
import type { HistoryEvent as KnownEvent } from "../journal/history.ts";
import type { HeldPlan } from "../mapping/held-plan.ts";
import type { MappingStatus as Mapping } from "../mapping/status.ts";
import type { MigrationStatus } from "../migration/migration-status.ts";

export type { AccountStatus, BackupStatus, HeldPlan, MigrationStatus };

export interface MappingStatus extends Omit<Mapping, "state" | "paused"> {
  readonly state: Mapping["state"] | "paused";
  readonly paused?: { readonly since: number; readonly reason: string | null } | null;
}

export interface DaemonStatus extends Omit<Status, "mappings"> {
  readonly mappings: readonly MappingStatus[];
}

export type HistoryEvent = KnownEvent;

export interface HistoryLine {
  readonly id: number;
  readonly at: number;
  readonly mapping: string;
  readonly key?: string | null;
  readonly side?: "local" | "remote" | null;
  readonly event: HistoryEvent;
  readonly reason: string;
  readonly bytes?: number | null;
}

export interface TrashItem {
  readonly id: number;
  readonly mapping: string;
  readonly side: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly size: number;
  readonly metadata?: string | null;
  readonly expiration?: number | null;
  readonly reason: string;
  readonly savedAt: number;
}

export interface ConflictSide {
  readonly size: number | null;
  readonly fingerprint: string | null;
  readonly metadata: unknown;
  readonly expiration: number | null;
  readonly modifiedAt: number | null;
}

export interface ConflictLine {
  readonly mapping: string;
  readonly key: string;
  readonly kind: "waiting" | "copy";
  readonly since: number | null;
  readonly copy: string | null;
  readonly local: ConflictSide | null;
  readonly remote: ConflictSide | null;
}

export interface ConflictLines {
  readonly conflicts: readonly ConflictLine[];
  /** That are not told. */
  readonly more: number;
}

export interface ShownValue {
  readonly encoding: "utf8" | "base64";
  readonly text: string;
  readonly bytes: number;
  readonly truncated: boolean;
}

export interface ConflictView extends ConflictLine {
  readonly localValue: ShownValue | null;
  readonly remoteValue: ShownValue | null;
}

export type Keep = "local" | "remote" | "both";

export interface HistoryFilter {
  readonly mapping?: string | undefined;
  readonly key?: string | undefined;
  readonly text?: string | undefined;
  readonly event?: string | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
}

export interface Asks {
  readonly sync: { readonly mappings: readonly string[] };
  readonly pause: { readonly mappings: readonly string[]; readonly reason?: string | undefined };
  readonly resume: { readonly mappings: readonly string[] };
  readonly approve: { readonly mapping: string; readonly plan: string };
  readonly discard: { readonly mapping: string; readonly plan: string };
  readonly plan: { readonly mapping: string };
  readonly conflicts: { readonly mapping?: string | undefined };
  readonly conflict: { readonly mapping: string; readonly key: string; readonly copy?: string | undefined };
  readonly resolve: {
    readonly mapping: string;
    readonly key: string;
    readonly copy?: string | undefined;
    readonly keep: Keep;
    readonly local?: string | undefined;
    readonly remote?: string | undefined;
  };
  readonly history: HistoryFilter;
  readonly trash: {
    readonly mapping?: string | undefined;
    readonly key?: string | undefined;
    readonly prefix?: string | undefined;
    readonly before?: number | undefined;
    readonly limit: number;
  };
  readonly "trash-restore": { readonly id: number; readonly replace?: boolean | undefined };
  readonly "back-up": { readonly backups: readonly string[] };
  readonly status: object;
}

export interface Answers {
  readonly sync: readonly SyncAnswer[];
  readonly pause: { readonly paused: readonly string[] };
  readonly resume: { readonly resumed: readonly string[] };
  readonly approve: { readonly plan: string };
  readonly discard: { readonly plan: string };
  readonly plan: HeldPlan;
  readonly conflicts: ConflictLines;
  readonly conflict: ConflictView;
  readonly resolve: { readonly mapping: string; readonly key: string; readonly keep: Keep; readonly done: string };
  readonly history: readonly HistoryLine[];
  readonly trash: readonly TrashItem[];
  readonly "trash-restore": { readonly mapping: string; readonly key: string; readonly file: string };
  readonly "back-up": { readonly begun: readonly string[] };
  readonly status: DaemonStatus;
}
