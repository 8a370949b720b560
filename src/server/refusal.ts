// Refusals: requests that the API answers with an error. One function for each reason, with the HTTP status, code and
// wording of production where they are known. Clients go by the code; the wording has changed over the years.

import type { DurationMs } from "../core/clock.ts";
import {
  BULK_GET_KEYS_MAX,
  BULK_ITEMS_MAX,
  KEY_BYTES_MAX,
  METADATA_BYTES_MAX,
  VALUE_BYTES_MAX,
} from "../core/limits.ts";
import { type Answer, failure } from "./answer.ts";

/** Thrown by an operation that will not do what was asked; the exchange turns it into the answer. */
export class Refusal extends Error {
  readonly answer: Answer;
  /** How late it is to be answered. */
  readonly delayMs: DurationMs;

  constructor(answer: Answer, delayMs: DurationMs = 0) {
    super("refused");
    this.name = "Refusal";
    this.answer = answer;
    this.delayMs = delayMs;
  }
}

export function refuse(status: number, code: number, message: string, headers?: Record<string, string>): Refusal {
  return new Refusal(failure(status, { code, message }, headers));
}

/** `detail`: for who has a token that is valid. */
export const authenticationError = (detail?: string) => refuse(403, 10000, withDetail("Authentication error", detail));

function withDetail(message: string, detail: string | undefined): string {
  return detail === undefined ? message : `${message}: ${detail}`;
}

/** What a message of KV begins with: `get: 'key not found'`. */
export type Caller =
  | "get"
  | "put"
  | "metadata"
  | "remove key"
  | "list keys"
  | "get namespace"
  | "create namespace"
  | "rename namespace"
  | "remove namespace"
  | "bulk put"
  | "bulk remove keys"
  | "bulk get keys"
  | "follow changes";

export const noRoute = () => refuse(404, 7000, "No route for that URI");

export const malformedAccount = (path: string) =>
  refuse(400, 7003, `Could not route to ${path}, perhaps your object identifier is invalid?`);

export const methodNotAllowed = (method: string) =>
  refuse(405, 10405, `${method} method not allowed for the api_token authentication scheme`);

export const malformedNamespaceId = (id: string) =>
  refuse(400, 10011, `could not parse UUID from request's namespace_id: 'invalid namespace format: ${id}'`);

export const namespaceNotFound = (caller: Caller) => refuse(404, 10013, `${caller}: 'namespace not found'`);

export const keyNotFound = (caller: Caller) => refuse(404, 10009, `${caller}: 'key not found'`);

export const titleTaken = () => refuse(400, 10014, "a namespace with this account ID and title already exists");

export const titleMissing = (caller: Caller) =>
  refuse(400, 10019, `${caller}: 'request is missing a title definition'`);

export const titleTooLong = (caller: Caller) =>
  refuse(400, 10012, `${caller}: 'title must have at most 512 characters'`);

export const tooManyNamespaces = () => refuse(400, 10018, "create namespace: 'too many namespaces in this account'");

/** A query argument of a listing that is not what it should be. */
export const malformedArgument = (name: "page" | "per_page" | "order" | "direction" | "limit" | "cursor") => {
  if (name === "limit") return refuse(400, 10028, "invalid limit argument");
  if (name === "cursor") return refuse(400, 10041, 'invalid "list keys" cursor');
  const code = { page: 10007, per_page: 10008, order: 10043, direction: 10044 }[name];
  return refuse(400, code, `malformed '${name}' argument`);
};

export const malformedBody = (caller: Caller, reason: string) => refuse(400, 10012, `${caller}: '${reason}'`);

export const tooManyItems = (caller: Caller, count: number, noun: string) =>
  malformedBody(caller, `received ${count} ${noun}, but max allowed per request is: ${BULK_ITEMS_MAX}`);

/** The status is the binding's; what REST answers is not known. */
export const keyTooLong = (bytes: number) =>
  refuse(414, 10030, `UTF-8 encoded length of ${bytes} exceeds key length limit of ${KEY_BYTES_MAX}.`);

export const illegalKey = (key: string) =>
  refuse(400, 10042, `Illegal key name ${JSON.stringify(key)}. Please use a different name.`);

export const undecodableKey = () => refuse(400, 10042, "Could not URL-decode key name");

export const emptyKey = (caller: Caller) => refuse(400, 10042, `${caller}: 'Key name cannot be empty.'`);

export const invalidTtl = (caller: Caller, reason: string) => refuse(400, 10034, `${caller}: '${reason}'`);

export const invalidExpiration = (caller: Caller, reason: string) => refuse(400, 10033, `${caller}: '${reason}'`);

export const metadataNotJson = () => refuse(400, 10147, "metadata must be valid json");

export const metadataTooLong = (bytes: number) =>
  refuse(413, 10047, `Metadata length of ${bytes} exceeds limit of ${METADATA_BYTES_MAX}.`);

export const valueTooLong = (bytes: number) =>
  refuse(413, 10024, `Value length of ${bytes} exceeds limit of ${VALUE_BYTES_MAX}.`);

/** Whatever is wrong with a bulk get has this one code. */
export const invalidBulkGet = (reason: string, status = 400) => refuse(status, 10029, `bulk get keys: '${reason}'`);

export const tooFewBulkGetKeys = () => invalidBulkGet("You must request a minimum of 1 key");

export const tooManyBulkGetKeys = () => invalidBulkGet(`You can request a maximum of ${BULK_GET_KEYS_MAX} keys`);

export const notBulkGetText = (type: "text" | "json") =>
  invalidBulkGet(`At least one of the requested keys corresponds to a non-${type === "text" ? "text" : "json"} value`);

export const keyWrittenTooOften = () =>
  refuse(429, 10022, "too many requests: one write a second to the same key", { "retry-after": "1" });

export const freeQuotaUsedUp = () =>
  refuse(429, 10048, "your account has reached the free usage limit for this operation for today");

/** The code of production for a token that may read and not write. */
export const readOnly = () => refuse(403, 10037, "this server is read-only: it shows a snapshot of a backup");

/** A value or a part of the listing that is there, and damaged where it is kept. */
export const damagedStore = (reason: string) => refuse(500, 10001, reason);

export const rateLimited = (retryAfterSeconds: number) =>
  refuse(429, 971, "Please wait and consider throttling your request speed", {
    "retry-after": String(retryAfterSeconds),
  });

export const unavailable = (retryAfterSeconds?: number, detail?: string) =>
  refuse(
    503,
    10001,
    withDetail("service temporarily unavailable", detail),
    retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) },
  );

export const internalError = (detail?: string) => refuse(500, 10001, withDetail("internal server error", detail));
