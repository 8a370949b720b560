// What the page asks of the daemon and is told: the types of the control socket. JSON leaves out what is undefined.

import type { ControlAnswers, ControlRequest } from "../daemon/control/protocol.ts";

export type { BackupStatus } from "../backups/backup-status.ts";
export type { AccountStatus, DaemonStatus } from "../daemon/control/daemon-status.ts";
export type { HistoryEvent, HistoryLine } from "../journal/history.ts";
export type { TrashItem } from "../journal/trash-index.ts";
export type {
  ConflictLine,
  ConflictList,
  ConflictSide,
  ConflictView,
  Keep,
  ShownValue,
} from "../mapping/conflicts/conflict-lines.ts";
export type { HeldPlan } from "../mapping/held-plan.ts";
export type { MappingStatus } from "../mapping/status.ts";
export type { MigrationStatus } from "../migration/migration-status.ts";

type Op = ControlRequest["op"];

/** What is asked, by its name. */
export type Asks = { readonly [O in Op]: Omit<Extract<ControlRequest, { readonly op: O }>, "op"> };

export type Answers = ControlAnswers;
