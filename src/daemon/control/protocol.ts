// What is said over the control socket: a line of JSON for each request, and one for its answer, in order. Whoever may
// open the socket may do all of it: it is the file's mode that keeps others out.

import type { Mode } from "../../config/config.ts";
import { AppError, type ErrorCode } from "../../core/errors.ts";
import { HISTORY_EVENTS, type HistoryLine, type HistoryQuery } from "../../journal/history.ts";
import type { Emptied, TrashItem, TrashQuery, TrashSelection } from "../../journal/trash-index.ts";
import type { DurationMs, EpochMs } from "../../core/clock.ts";
import type { DaemonStatus } from "./daemon-status.ts";
import type { HeldPlan } from "../../mapping/held-plan.ts";
import type { ConflictLine, ConflictView, Resolved } from "../../mapping/conflict-lines.ts";
import { checkPauseReason } from "../../mapping/paused.ts";
import type { PausedStatus, RoundStatus } from "../../mapping/status.ts";

export type ControlRequest =
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
  /** What the plan that a mapping is held with would do. */
  | { readonly op: "plan"; readonly mapping: string }
  /** Runs these backups of the config now, whenever they are due. */
  | { readonly op: "back-up"; readonly backups: readonly string[] }
  /** A one-time link, by which a browser logs in to the status page. */
  | { readonly op: "page-link" }
  /** The newest first. */
  | ({ readonly op: "history" } & HistoryQuery)
  | TrashRequest;

export type TrashRequest =
  /** The newest first. */
  | ({ readonly op: "trash" } & TrashQuery)
  /** Writes a value back to the folder of its mapping. `replace`: also where there is a file, which is kept in the trash first. */
  | { readonly op: "trash-restore"; readonly id: number; readonly replace?: boolean | undefined }
  /** The same for several values of one mapping, of one key each: one that fails does not keep the others from being written. */
  | { readonly op: "trash-restore-many"; readonly ids: readonly number[]; readonly replace?: boolean | undefined }
  | ({ readonly op: "trash-empty" } & TrashSelection);

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
}

/** What the daemon answers to each request. */
export interface ControlAnswers {
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
  readonly conflicts: readonly ConflictLine[];
  readonly conflict: ConflictView;
  readonly resolve: Resolved;
  readonly history: readonly HistoryLine[];
  readonly trash: readonly TrashItem[];
  readonly "trash-restore": RestoredAnswer;
  readonly "trash-restore-many": readonly RestoredAnswer[];
  readonly "trash-empty": Emptied;
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

const HISTORY_LINES_MAX = 100_000;

/** Throws AppError `usage` if `line` is no request. */
export function parseRequest(line: string): ControlRequest {
  let request: Readonly<Record<string, unknown>>;
  try {
    request = JSON.parse(line) as typeof request;
  } catch (error) {
    throw new AppError("usage", "a request is a line of JSON", { cause: error });
  }
  if (typeof request !== "object" || request === null) throw new AppError("usage", "a request is a JSON object");
  switch (request["op"]) {
    case "status":
    case "reload":
    case "page-link":
      return { op: request["op"] };
    case "sync":
      return { op: "sync", mappings: texts(request["mappings"], "mappings") };
    case "back-up":
      return { op: "back-up", backups: texts(request["backups"], "backups") };
    case "plan":
      return { op: "plan", mapping: mappingOf(request) };
    case "pause":
      return {
        op: "pause",
        mappings: texts(request["mappings"], "mappings"),
        reason: pauseReason(request["reason"]),
      };
    case "resume":
      return { op: "resume", mappings: texts(request["mappings"], "mappings") };
    case "approve":
    case "discard": {
      const { op } = request;
      return { op, mapping: mappingOf(request), plan: optionalText(request["plan"], "plan") };
    }
    case "history":
      return {
        op: "history",
        mapping: optionalText(request["mapping"], "mapping"),
        key: optionalText(request["key"], "key"),
        text: optionalText(request["text"], "text"),
        event: optionalOneOf(request["event"], HISTORY_EVENTS, "event"),
        since: optionalTime(request["since"], "since"),
        until: optionalTime(request["until"], "until"),
        before: optionalNumber(request["before"], "before"),
        limit: lineCount(request["limit"]),
      };
    case "trash":
    case "trash-restore":
    case "trash-restore-many":
    case "trash-empty":
      return parseTrashRequest(request["op"], request);
    default:
      throw new AppError("usage", `there is no request ${JSON.stringify(request["op"])}`, {
        hint: "the daemon may be of an older version than what asks it: restart it",
      });
  }
}

function parseTrashRequest(op: TrashRequest["op"], request: Readonly<Record<string, unknown>>): TrashRequest {
  switch (op) {
    case "trash":
      return {
        op,
        mapping: optionalText(request["mapping"], "mapping"),
        key: optionalText(request["key"], "key"),
        prefix: optionalText(request["prefix"], "prefix"),
        since: optionalTime(request["since"], "since"),
        until: optionalTime(request["until"], "until"),
        before: optionalNumber(request["before"], "before"),
        limit: lineCount(request["limit"]),
      };
    case "trash-restore":
      return { op, id: itemId(request["id"]), replace: optionalFlag(request["replace"], "replace") };
    case "trash-restore-many": {
      const { ids } = request;
      if (!Array.isArray(ids)) throw new AppError("usage", "ids must be a list of numbers");
      return { op, ids: ids.map(itemId), replace: optionalFlag(request["replace"], "replace") };
    }
    case "trash-empty":
      return {
        op,
        mapping: optionalText(request["mapping"], "mapping"),
        until: optionalTime(request["until"], "until"),
        upTo: optionalNumber(request["upTo"], "upTo"),
      };
  }
}

function itemId(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  throw new AppError("usage", "the number of an item of the trash is a whole number above 0");
}

function mappingOf(request: Readonly<Record<string, unknown>>): string {
  const mapping = optionalText(request["mapping"], "mapping");
  if (mapping !== undefined) return mapping;
  throw new AppError("usage", `${String(request["op"])} needs a mapping`);
}

function pauseReason(value: unknown): string | undefined {
  const reason = optionalText(value, "reason");
  return reason && checkPauseReason(reason);
}

function optionalText(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw new AppError("usage", `${name} must be a text`);
}

function optionalOneOf<T extends string>(value: unknown, among: readonly T[], name: string): T | undefined {
  const text = optionalText(value, name);
  if (text === undefined || among.includes(text as T)) return text as T | undefined;
  throw new AppError("usage", `${name} must be one of ${among.join(", ")}`);
}

function optionalNumber(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new AppError("usage", `${name} must be a number`);
}

function optionalTime(value: unknown, name: string): EpochMs | undefined {
  return optionalNumber(value, name) as EpochMs | undefined;
}

function optionalFlag(value: unknown, name: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return value;
  throw new AppError("usage", `${name} must be true or false`);
}

function texts(value: unknown, name: string): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new AppError("usage", `${name} must be a list of texts`);
}

function lineCount(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return Math.min(value, HISTORY_LINES_MAX);
  throw new AppError("usage", "limit must be a number of lines");
}

export function controlError({ code, message, hint }: AppError): ControlError {
  return { code, message, hint: hint ?? null };
}
