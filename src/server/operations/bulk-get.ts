// The bulk get: up to 100 text values in one answer, with metadata if asked for.

import { keyFault } from "../../core/key.ts";
import { BULK_GET_KEYS_MAX } from "../../core/limits.ts";
import { success } from "../answer.ts";
import { SMALL_BYTES_MAX } from "../server-memory.ts";
import type { QuotedEntry } from "../store/store.ts";
import { invalidBulkGet, malformedBody, notBulkGetText, tooFewBulkGetKeys, tooManyBulkGetKeys } from "../refusal.ts";
import { findNamespace, type OperationHandler, parseJsonBody } from "./operation.ts";

const CALLER = "bulk get keys";
/** 25 MB of values (docs), read as binary like the emulator of production does; clients stay below both. */
const VALUES_BYTES_MAX = 25 * 1024 * 1024;

type ValueType = "text" | "json";

export const bulkGet: OperationHandler = async (deps, { route, body, now }) => {
  const { id } = await findNamespace(deps, route, CALLER);
  const { keys, type, withMetadata } = parseRequest(body);
  deps.limits.use("reads", keys.length);
  const read = (bytesMax: number) => deps.store.entries.readQuoted(id, keys, bytesMax, now);
  // Nearly all are small, and wait for nobody; the others are begun twice.
  let found = await read(SMALL_BYTES_MAX);
  if (found === "too-large") {
    await deps.answerRoom.wait(VALUES_BYTES_MAX);
    found = await read(VALUES_BYTES_MAX);
  }
  if (found === "too-large") throw invalidBulkGet("Total size of request exceeds the limit of 25MB", 413);
  let values = "";
  for (const [i, key] of keys.entries())
    values += `${values === "" ? "" : ","}${JSON.stringify(key)}:${renderEntry(found[i], type, withMetadata)}`;
  return success(`{"values":{${values}}}`);
};

function renderEntry(entry: QuotedEntry | undefined, type: ValueType, withMetadata: boolean): string {
  if (entry === undefined) return "null";
  const value = renderValue(entry, type);
  if (!withMetadata) return value;
  const expiration = entry.expiration === null ? "" : `,"expiration":${entry.expiration}`;
  return `{"value":${value},"metadata":${entry.metadata ?? "null"}${expiration}}`;
}

/** One value that is no text, or no JSON, fails the whole request. */
function renderValue({ json }: QuotedEntry, type: ValueType): string {
  if (json === undefined) throw notBulkGetText(type);
  if (type === "text") return json;
  const text = JSON.parse(json) as string;
  try {
    JSON.parse(text);
  } catch {
    throw notBulkGetText(type); // it throws for nothing else
  }
  return text;
}

interface BulkGetRequest {
  /** Each once. */
  readonly keys: readonly string[];
  readonly type: ValueType;
  readonly withMetadata: boolean;
}

function parseRequest(body: Buffer): BulkGetRequest {
  const given = parseJsonBody(body, CALLER, "keys");
  if (typeof given !== "object" || given === null) throw malformedBody(CALLER, "the request body is no object");
  const { keys, type, withMetadata } = given as { keys?: unknown; type?: unknown; withMetadata?: unknown };
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) {
    throw malformedBody(CALLER, "keys is no array of strings");
  }
  if (keys.length === 0) throw tooFewBulkGetKeys();
  if (keys.length > BULK_GET_KEYS_MAX) throw tooManyBulkGetKeys();
  const illegal = keys.find((key) => keyFault(key) !== undefined);
  if (illegal !== undefined) throw invalidBulkGet(`Illegal key name ${JSON.stringify(illegal)}`);
  if (withMetadata !== undefined && withMetadata !== null && typeof withMetadata !== "boolean") {
    throw malformedBody(CALLER, "withMetadata is no boolean");
  }
  return { keys: [...new Set(keys)], type: parseType(type), withMetadata: withMetadata === true };
}

function parseType(given: unknown): ValueType {
  if (given === undefined || given === null) return "text";
  if (given === "text" || given === "json") return given;
  throw invalidBulkGet(`${JSON.stringify(given)} is not a valid type. Use "json" or "text"`);
}
