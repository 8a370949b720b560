// What is said over the control socket: a line of JSON for each request, and one for its answer, in order. Whoever may
// open the socket may do all of it: it is the file's mode that keeps others out.

import type { Mode } from "../../config/config.ts";
import type { AppError, ErrorCode } from "../../core/errors.ts";
import type { HistoryLine, HistoryQuery } from "../../journal/history.ts";
import type { Emptied, TrashItem, TrashQuery, TrashSelection } from "../../journal/trash-index.ts";
import type { DurationMs, EpochMs } from "../../core/clock.ts";
import type { DaemonStatus } from "./daemon-status.ts";
import type { HeldPlan } from "../../mapping/held-plan.ts";
import type { ConflictList, ConflictView, ResolveChoice, Resolved } from "../../mapping/conflicts/conflict-lines.ts";
import type { PausedStatus, RoundStatus } from "../../mapping/status.ts";

export type ControlRequest =
  /** Whether somebody is there who answers. */
  | { readonly op: "ping" }
  | { readonly op: "status" }
  /** Looks at these mappings, or at all, and answers when that is done. */
  | { readonly op: "sync"; readonly mappings: readonly string[] }
  | { readonly op: "approve"; readonly mapping: string; readonly plan?: string | undefined }
  | { readonly op: "reload" }
  /** Of these mappings, or of all, no round begins any more until they are resumed; answers when none runs. */
  | { readonly op: "pause"; readonly mappings: readonly string[]; readonly reason?: string | undefined }
  /** These mappings, or all that are paused. */
  | { readonly op: "resume"; readonly mappings: readonly string[] }
  /** Drops the plan that the mapping is held with, and pauses it. */
  | { readonly op: "discard"; readonly mapping: string; readonly plan?: string | undefined }
  | ConflictRequest
  /** What the plan that a mapping is held with would do. */
  | { readonly op: "plan"; readonly mapping: string }
  /** Runs these backups of the config now, whenever they are due. */
  | { readonly op: "back-up"; readonly backups: readonly string[] }
  /** A one-time link, by which a browser logs in to the status page. */
  | { readonly op: "page-link" }
  /** The newest first. */
  | ({ readonly op: "history" } & HistoryQuery)
  | TrashRequest
  /** After its answer the connection carries a line `{"event": FeedEvent}` for each event until it ends, and answers nothing more.
   * `since`: first those after the event of this number. */
  | { readonly op: "events"; readonly since?: number | undefined };

export type TrashRequest =
  /** The newest first. */
  | ({ readonly op: "trash" } & TrashQuery)
  /** Writes a value back to the folder of its mapping. `replace`: also where there is a file, which is kept in the trash first. */
  | { readonly op: "trash-restore"; readonly id: number; readonly replace?: boolean | undefined }
  /** The same for several values of one mapping, of one key each: one that fails does not keep the others from being written. */
  | { readonly op: "trash-restore-many"; readonly ids: readonly number[]; readonly replace?: boolean | undefined }
  /** These are going to be restored: until then, or for some minutes after the last call about any of them, they stay in the trash. */
  | { readonly op: "trash-need"; readonly ids: readonly number[] }
  | ({ readonly op: "trash-empty" } & TrashSelection);

/** Keys that both sides changed. */
type ConflictRequest =
  | { readonly op: "conflicts"; readonly mapping?: string | undefined }
  /** `copy`: the path of a conflict copy in the folder; undefined: the conflict that waits, or else the newest copy. */
  | { readonly op: "conflict"; readonly mapping: string; readonly key: string; readonly copy?: string | undefined }
  | ({ readonly op: "resolve"; readonly mapping: string } & ResolveChoice);

export interface SyncAnswer {
  readonly mapping: string;
  readonly round: RoundStatus | null;
  /** The plan it is held with. */
  readonly held: string | null;
  /** It is paused, and was left out. */
  readonly paused: PausedStatus | null;
  /** Files that are still being written, as keys, the first of them: they are left for later. */
  readonly beingWritten: readonly string[];
  readonly error: ControlError | null;
}

interface ReloadAnswer {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export interface RestoredAnswer {
  readonly id: number;
  readonly mapping: string;
  /** The next round of a pull may replace the file again. */
  readonly mode: Mode;
  readonly key: string;
  /** Where it was written to. "same": it held the value already. */
  readonly file: string;
  readonly outcome: "written" | "same" | "failed";
  /** Its expiration has passed: it was written without one. */
  readonly hasExpired: boolean;
  readonly error: ControlError | null;
}

export interface PageLink {
  readonly url: string;
  readonly validForMs: DurationMs;
  /** Names that a reverse proxy may serve it under. */
  readonly hosts: readonly string[];
}

export interface EventsAnswer {
  /** Of the daemon: events are numbered from 1 anew when it starts. */
  readonly startedAt: EpochMs;
  /** The number of the newest event. */
  readonly last: number;
}

/** What the daemon answers to each request. */
export interface ControlAnswers {
  readonly ping: Readonly<Record<string, never>>;
  readonly status: DaemonStatus;
  readonly sync: readonly SyncAnswer[];
  /** `paused`: the plan runs only once the mapping is resumed. */
  readonly approve: { readonly plan: string; readonly paused: boolean };
  readonly reload: ReloadAnswer;
  readonly plan: HeldPlan;
  readonly "back-up": { readonly begun: readonly string[] };
  readonly "page-link": PageLink;
  /** The names of those that are paused now, of those that were asked for. */
  readonly pause: { readonly paused: readonly string[] };
  /** Those that were paused before. */
  readonly resume: { readonly resumed: readonly string[] };
  readonly discard: { readonly plan: string };
  readonly conflicts: ConflictList;
  readonly conflict: ConflictView;
  readonly resolve: Resolved;
  readonly history: readonly HistoryLine[];
  readonly trash: readonly TrashItem[];
  readonly "trash-restore": RestoredAnswer;
  readonly "trash-restore-many": readonly RestoredAnswer[];
  /** `missing`: those that are not in the trash any more. */
  readonly "trash-need": { readonly missing: readonly number[] };
  readonly "trash-empty": Emptied;
  readonly events: EventsAnswer;
}

export interface ControlError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | null;
}

export type ControlAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: ControlError };

/** Longer lines are refused: no request is. */
export const REQUEST_BYTES_MAX = 65_536;

export function controlError({ code, message, hint }: AppError): ControlError {
  return { code, message, hint: hint ?? null };
}
