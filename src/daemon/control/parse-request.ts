// From a line of JSON to a request: what the command line or a browser sends is not believed.

import type { EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { HISTORY_EVENTS } from "../../journal/history.ts";
import type { Keep } from "../../mapping/conflicts/conflict-lines.ts";
import { checkPauseReason } from "../../mapping/paused.ts";
import type { ControlRequest } from "./protocol.ts";

type Op = ControlRequest["op"];
/** As it was sent. */
type Sent = Readonly<Record<string, unknown>>;

const HISTORY_LINES_MAX = 100_000;

const PARSERS: { readonly [O in Op]: (sent: Sent) => Omit<Extract<ControlRequest, { readonly op: O }>, "op"> } = {
  ping: () => ({}),
  status: () => ({}),
  reload: () => ({}),
  "page-link": () => ({}),
  sync: (sent) => ({ mappings: texts(sent["mappings"], "mappings") }),
  "back-up": (sent) => ({ backups: texts(sent["backups"], "backups") }),
  plan: (sent) => ({ mapping: textOf(sent, "mapping") }),
  pause: (sent) => ({ mappings: texts(sent["mappings"], "mappings"), reason: pauseReason(sent["reason"]) }),
  resume: (sent) => ({ mappings: texts(sent["mappings"], "mappings") }),
  approve: (sent) => ({ mapping: textOf(sent, "mapping"), plan: optionalText(sent["plan"], "plan") }),
  discard: (sent) => ({ mapping: textOf(sent, "mapping"), plan: optionalText(sent["plan"], "plan") }),
  conflicts: (sent) => ({ mapping: optionalText(sent["mapping"], "mapping") }),
  conflict: (sent) => ({
    mapping: textOf(sent, "mapping"),
    key: textOf(sent, "key"),
    copy: optionalText(sent["copy"], "copy"),
  }),
  resolve: (sent) => ({
    mapping: textOf(sent, "mapping"),
    key: textOf(sent, "key"),
    copy: optionalText(sent["copy"], "copy"),
    keep: keepOf(sent["keep"]),
    local: optionalText(sent["local"], "local"),
    remote: optionalText(sent["remote"], "remote"),
  }),
  history: (sent) => ({
    mapping: optionalText(sent["mapping"], "mapping"),
    key: optionalText(sent["key"], "key"),
    text: optionalText(sent["text"], "text"),
    event: optionalOneOf(sent["event"], HISTORY_EVENTS, "event"),
    since: optionalTime(sent["since"], "since"),
    until: optionalTime(sent["until"], "until"),
    before: optionalNumber(sent["before"], "before"),
    limit: lineCount(sent["limit"]),
  }),
  events: (sent) => ({ since: optionalNumber(sent["since"], "since") }),
  trash: (sent) => ({
    mapping: optionalText(sent["mapping"], "mapping"),
    key: optionalText(sent["key"], "key"),
    prefix: optionalText(sent["prefix"], "prefix"),
    since: optionalTime(sent["since"], "since"),
    until: optionalTime(sent["until"], "until"),
    before: optionalNumber(sent["before"], "before"),
    limit: lineCount(sent["limit"]),
  }),
  "trash-restore": (sent) => ({ id: itemId(sent["id"]), replace: optionalFlag(sent["replace"], "replace") }),
  "trash-restore-many": ({ ids, replace }) => ({ ids: itemIds(ids), replace: optionalFlag(replace, "replace") }),
  "trash-need": ({ ids }) => ({ ids: itemIds(ids) }),
  "trash-empty": (sent) => ({
    mapping: optionalText(sent["mapping"], "mapping"),
    until: optionalTime(sent["until"], "until"),
    upTo: optionalNumber(sent["upTo"], "upTo"),
  }),
};

/** All that can be asked for. */
export const OPS = Object.keys(PARSERS) as readonly Op[];

/** Throws AppError `usage` if `line` is no request. */
export function parseRequest(line: string): ControlRequest {
  let sent: Sent;
  try {
    sent = JSON.parse(line) as Sent;
  } catch (error) {
    throw new AppError("usage", "a request is a line of JSON", { cause: error });
  }
  if (typeof sent !== "object" || sent === null) throw new AppError("usage", "a request is a JSON object");
  const op = OPS.find((known) => known === sent["op"]);
  if (op !== undefined) return { op, ...PARSERS[op](sent) } as ControlRequest;
  throw new AppError("usage", `there is no request ${JSON.stringify(sent["op"])}`, {
    hint: "the daemon may be of an older version than what asks it: restart it",
  });
}

function itemId(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  throw new AppError("usage", "the number of an item of the trash is a whole number above 0");
}

function itemIds(value: unknown): readonly number[] {
  if (!Array.isArray(value)) throw new AppError("usage", "ids must be a list of numbers");
  if (new Set(value).size < value.length) throw new AppError("usage", "an item of the trash is restored once");
  return value.map(itemId);
}

function textOf(sent: Sent, name: string): string {
  const found = optionalText(sent[name], name);
  if (found !== undefined) return found;
  throw new AppError("usage", `${String(sent["op"])} needs a ${name}`);
}

function keepOf(value: unknown): Keep {
  if (value === "local" || value === "remote" || value === "both") return value;
  throw new AppError("usage", "keep must be local, remote or both");
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
