// What `kvsync bulk` reads: pairs in wrangler's form, and lists of keys.

import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { addAbortSignal } from "node:stream";
import { parseEpochSeconds } from "../core/clock.ts";
import { AppError, visible } from "../core/errors.ts";
import { canonicalJson, isJsonObject, type Json } from "../core/json.ts";
import type { Key } from "../core/key.ts";
import { EXPIRATION_AHEAD_SECONDS_MIN, METADATA_BYTES_MAX, VALUE_BYTES_MAX } from "../core/limits.ts";
import type { Pair } from "../kv/pair-text.ts";
import type { Context } from "./context.ts";
import { readItems, type TextItem } from "./json-items.ts";
import { parseKeyArgument } from "./key-argument.ts";
import { ioError } from "./read-file.ts";

export interface BulkInput {
  /** For messages: `pairs.json`, `stdin`. */
  readonly name: string;
  /** Whether it can be read again from its beginning. */
  readonly isFile: boolean;
  items(): AsyncGenerator<readonly TextItem[], void>;
}

/** The file `path`, or stdin for `-`. */
export function openBulkInput({ cwd, stdin, signal }: Context, path: string): BulkInput {
  const isFile = path !== "-";
  const name = isFile ? visible(path) : "stdin";
  const bytes = () => (isFile ? createReadStream(resolve(cwd, path), { signal }) : addAbortSignal(signal, stdin));
  async function* items(): AsyncGenerator<readonly TextItem[], void> {
    try {
      for await (const page of readItems(bytes(), name)) {
        signal.throwIfAborted();
        yield page;
      }
    } catch (error) {
      throw error instanceof Error && "syscall" in error ? ioError(error, `could not read ${name}`) : error;
    }
  }
  return { name, isFile, items };
}

/** A pair in wrangler's form: `{"key": "a", "value": "text", "base64": false, "expiration": 1999999999,
 * "expiration_ttl": 300, "metadata": {}}`; other properties are ignored, as wrangler does. Throws AppError "usage". */
export function parsePair(item: TextItem, name: string): Pair {
  const fail = (why: string): never => {
    throw new AppError("usage", `${item.unit} ${item.number} of ${name} ${why}`, {
      hint: 'each is {"key": "...", "value": "..."}, with base64, expiration, expiration_ttl or metadata where it has any',
    });
  };
  const json = parseJson(item, name);
  if (!isJsonObject(json)) return fail("is no JSON object");
  const { key, value, base64 = false, expiration, expiration_ttl: ttl, metadata } = json;
  if (typeof key !== "string") return fail("has no key");
  if (typeof value !== "string") return fail(value === undefined ? "has no value" : "has a value that is no string");
  if (typeof base64 !== "boolean") return fail('has a "base64" that is neither true nor false');
  const bytes = Buffer.from(value, base64 ? "base64" : "utf8");
  if (base64 && !isBase64(value)) return fail("has a value that is not base64");
  if (!base64 && !value.isWellFormed()) return fail("has a value that is not valid Unicode");
  if (bytes.byteLength > VALUE_BYTES_MAX)
    return fail(`has a value of ${bytes.byteLength} bytes; at most ${VALUE_BYTES_MAX} are allowed`);
  const at =
    expiration === undefined || expiration === null
      ? undefined
      : (parseEpochSeconds(expiration) ?? fail("has an expiration that is no whole number of seconds since 1970"));
  if (
    ttl !== undefined &&
    ttl !== null &&
    !(typeof ttl === "number" && Number.isSafeInteger(ttl) && ttl >= EXPIRATION_AHEAD_SECONDS_MIN)
  ) {
    return fail(`has an expiration_ttl that is no whole number of at least ${EXPIRATION_AHEAD_SECONDS_MIN} seconds`);
  }
  const text = metadata === undefined || metadata === null ? undefined : canonicalJson(metadata);
  if (text !== undefined && Buffer.byteLength(text) > METADATA_BYTES_MAX)
    return fail(`has over ${METADATA_BYTES_MAX} bytes of metadata`);
  return { key: parseKeyOf(key, item, name), bytes, metadata: text, expiration: at, ttlSeconds: ttl ?? undefined };
}

/** A key as one of a list: a JSON string, an object with its `name` (as `key list --json` prints) or `key`, or a plain
 * line. Throws AppError "usage". */
export function parseListedKey(item: TextItem, name: string): Key {
  if (item.unit === "line" && !/^["{]/.test(item.text)) return parseKeyOf(item.text, item, name);
  const json = parseJson(item, name);
  const key = isJsonObject(json) ? (json["name"] ?? json["key"]) : json;
  if (typeof key === "string") return parseKeyOf(key, item, name);
  throw new AppError("usage", `${item.unit} ${item.number} of ${name} is no key`, {
    hint: 'each is "key", {"name": "key"}, or a plain line',
  });
}

function parseKeyOf(text: string, { unit, number }: TextItem, name: string): Key {
  try {
    return parseKeyArgument(text);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError("usage", `${unit} ${number} of ${name}: ${error.message}`, { cause: error });
  }
}

function parseJson({ text, unit, number }: TextItem, name: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new AppError("usage", `${unit} ${number} of ${name} is not JSON: ${visible((error as Error).message)}`, {
      cause: error,
    });
  }
}

/** Whether `text` is all base64, with or without padding: Buffer.from skips what is not. */
function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text) && text.replace(/[\s=]/g, "").length % 4 !== 1;
}
