// What goes along with a line of the log, made safe to write: plain JSON, without secrets, and with errors reduced to
// what people and programs need of them.

import { AppError } from "../../core/errors.ts";

/** What every line has of its own is not for fields. */
export type LogFields = Readonly<Record<string, unknown>> & {
  readonly [name in "level" | "time" | "message"]?: never;
};

/** An error as the log tells it. */
export interface LoggedError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly cause?: LoggedError;
  /** Only of a bug: neither an AppError nor the system's. */
  readonly stack?: string;
}

const HIDDEN = "[secret]";
/** Names of fields whose values never leave the process, whatever they hold. */
const SECRET_NAME = /token|authorization|secret|password|passphrase|api[-_]?key|credential|cookie/i;
/** How tokens stand in headers, which libraries quote in their messages. */
const SECRET_TEXT = /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi;
/** Deeper than this there is nothing that anyone would look for in a log; it also ends cycles. */
const DEPTH_MAX = 4;

/** `fields` as JSON can hold them, with secrets hidden by the name of their field and by their shape. */
export function encodeFields(fields: LogFields): Record<string, unknown> {
  return encodeObject(fields, 0);
}

/** `text` without the tokens that are recognised by their shape. */
export function hideSecrets(text: string): string {
  return text.replace(SECRET_TEXT, `$1 ${HIDDEN}`);
}

function encodeObject(fields: object, depth: number): Record<string, unknown> {
  const encoded: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) encoded[name] = SECRET_NAME.test(name) ? HIDDEN : encodeValue(value, depth + 1);
  }
  return encoded;
}

function encodeValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return hideSecrets(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) return encodeError(value, depth);
  if (hasToJson(value)) return encodeValue(value.toJSON(), depth);
  if (depth >= DEPTH_MAX) return "...";
  if (Array.isArray(value)) return value.map((item) => encodeValue(item, depth + 1));
  return encodeObject(value, depth);
}

function hasToJson(value: object): value is { toJSON(): unknown } {
  return "toJSON" in value && typeof value.toJSON === "function";
}

function encodeError(error: Error, depth: number): LoggedError {
  const known = error instanceof AppError;
  const code = known ? error.code : "code" in error && typeof error.code === "string" ? error.code : error.name;
  return {
    code,
    message: hideSecrets(error.message),
    ...(known && error.hint !== undefined ? { hint: error.hint } : {}),
    ...(error.cause instanceof Error && depth < DEPTH_MAX ? { cause: encodeError(error.cause, depth + 1) } : {}),
    ...(known || "errno" in error || error.stack === undefined || depth > 1 ? {} : { stack: hideSecrets(error.stack) }),
  };
}
