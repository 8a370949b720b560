// What is said over the control socket: a line of JSON for each request, and one for its answer, in order. Whoever may
// open the socket may do all of it: it is the file's mode that keeps others out.

import { AppError, type ErrorCode } from "../../core/errors.ts";
import type { HistoryLine } from "../../journal/history.ts";
import type { DaemonStatus } from "./daemon-status.ts";
import type { RoundStatus } from "../../mapping/status.ts";

export type ControlRequest =
  | { readonly op: "status" }
  /** Looks at these mappings, or at all, and answers when that is done. */
  | { readonly op: "sync"; readonly mappings: readonly string[] }
  | { readonly op: "approve"; readonly mapping: string; readonly plan?: string | undefined }
  | { readonly op: "reload" }
  | {
      readonly op: "history";
      readonly mapping?: string | undefined;
      readonly key?: string | undefined;
      readonly limit: number;
    };

export interface SyncAnswer {
  readonly mapping: string;
  readonly round: RoundStatus | null;
  /** The plan it is held with. */
  readonly held: string | null;
  /** Files that are still being written, as keys, the first of them: they are left for later. */
  readonly beingWritten: readonly string[];
  readonly error: ControlError | null;
}

interface ReloadAnswer {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** What the daemon answers to each request. */
export interface ControlAnswers {
  readonly status: DaemonStatus;
  readonly sync: readonly SyncAnswer[];
  readonly approve: { readonly plan: string };
  readonly reload: ReloadAnswer;
  readonly history: readonly HistoryLine[];
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
      return { op: request["op"] };
    case "sync":
      return { op: "sync", mappings: texts(request["mappings"], "mappings") };
    case "approve": {
      const mapping = optionalText(request["mapping"], "mapping");
      if (mapping === undefined) throw new AppError("usage", "approve needs a mapping");
      return { op: "approve", mapping, plan: optionalText(request["plan"], "plan") };
    }
    case "history":
      return {
        op: "history",
        mapping: optionalText(request["mapping"], "mapping"),
        key: optionalText(request["key"], "key"),
        limit: lineCount(request["limit"]),
      };
    default:
      throw new AppError("usage", `there is no request ${JSON.stringify(request["op"])}`, {
        hint: "requests are status, sync, approve, reload and history",
      });
  }
}

function optionalText(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw new AppError("usage", `${name} must be a text`);
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
