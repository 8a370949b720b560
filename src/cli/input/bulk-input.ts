// What `kvsync bulk` reads: pairs in wrangler's form, and lists of keys.

import { parseEpochSeconds } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { canonicalJson, findJsonFault, isJsonObject, parseJson as parseExactJson } from "../../core/json.ts";
import { type Json } from "../../core/json-value.ts";
import type { Key } from "../../core/key.ts";
import {
  EXPIRATION_AHEAD_SECONDS_MIN,
  EXPIRATION_SECONDS_PLAUSIBLE_MAX,
  METADATA_BYTES_MAX,
  VALUE_BYTES_MAX,
} from "../../core/limits.ts";
import { meantProperty } from "../../core/pair-properties.ts";
import type { Pair } from "../../kv/pair-text.ts";
import type { Context } from "../context.ts";
import { readItems, type TextItem } from "./json-items.ts";
import { detectKeyForm, type KeyForm, nameOf } from "./key-form.ts";
import { parseKeyArgument } from "./key-argument.ts";
import { readPairsObject } from "./pairs-object.ts";
import { openInput } from "./open-input.ts";

export interface BulkInput {
  /** For messages: `pairs.json`, `stdin`. */
  readonly name: string;
  /** Whether it can be read again from its beginning. */
  readonly isFile: boolean;
  items(): AsyncGenerator<readonly TextItem[], void>;
  /** Keys that the input has with null for their value, as `wrangler kv bulk get` prints those that it did not find. */
  absent(): readonly string[];
}

/** The file `path`, or stdin for `-`. A pipe, a terminal or a device is read once, as stdin is. "auto" is for keys; "pairs"
 * may also be an object of keys. */
export function openBulkInput(
  context: Context,
  path: string,
  asked: KeyForm | "auto" | "pairs",
  { refusesCut = false }: { readonly refusesCut?: boolean } = {},
): BulkInput {
  const input = openInput(context, path);
  const { name, isFile } = input;
  let countBefore: number | undefined;
  let absent: readonly string[] = [];
  async function open(): Promise<AsyncIterable<readonly TextItem[]>> {
    if (asked === "pairs") {
      const read = await readPairsObject(input.read(), name);
      if (!("pairs" in read)) return readItems(read, name);
      absent = read.absent;
      return once(read.pairs);
    }
    const { form, chunks } =
      asked === "auto" ? await detectKeyForm(input.read(), name) : { form: asked, chunks: input.read() };
    return readItems(chunks, name, { form, mayBeCut: !isFile || refusesCut });
  }
  async function* items(): AsyncGenerator<readonly TextItem[], void> {
    let count = 0;
    for await (const page of await open()) {
      context.signal.throwIfAborted();
      count += page.length;
      yield page;
    }
    if (countBefore !== undefined && count !== countBefore) {
      throw new AppError("io", `${name} changed while it was read: it had ${countBefore} items, then ${count}`, {
        hint: "run the command again when nothing writes to the file",
      });
    }
    countBefore = count;
  }
  return { name, isFile, items, absent: () => absent };
}

/** The same pages, of which the first has been read: what is wrong in it is told before anybody asks the API. */
export async function begin<T>(pages: AsyncGenerator<T, void>): Promise<AsyncGenerator<T, void>> {
  const first = await pages.next();
  return (async function* () {
    try {
      if (first.done !== true) yield first.value;
      yield* pages;
    } finally {
      await pages.return();
    }
  })();
}

export async function* once<T>(page: T): AsyncGenerator<T, void> {
  yield page;
}

/** A pair in wrangler's form: `{"key": "a", "value": "text", "base64": false, "expiration": 1999999999,
 * "expiration_ttl": 300, "metadata": {}}`; other properties are ignored, as wrangler does, and counted in `ignored`, but a
 * near miss of these names is refused: without it, the pair would mean something else. Throws AppError "usage". */
export function parsePair(item: TextItem, name: string, ignored: Map<string, number>): Pair {
  const fail = (why: string): never => {
    throw new AppError("usage", `${item.unit} ${item.number} of ${name} ${why}`, {
      hint: 'each is {"key": "...", "value": "..."}, with base64, expiration, expiration_ttl or metadata where it has any',
    });
  };
  const json = parseJson(item, name);
  if (!isJsonObject(json)) return fail("is no JSON object");
  const { key, value, base64 = false, expiration, expiration_ttl: ttl, metadata } = json;
  for (const property of Object.keys(json)) {
    const meant = meantProperty(property);
    if (meant !== undefined) return fail(`has "${visible(property)}"; its name is "${meant}"`);
    if (PROPERTIES.has(property)) continue;
    if (ignored.has(property) || ignored.size < IGNORED_MAX) ignored.set(property, (ignored.get(property) ?? 0) + 1);
  }
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
  if (at !== undefined && at > EXPIRATION_SECONDS_PLAUSIBLE_MAX)
    return fail("has an expiration that is in milliseconds; KV takes seconds");
  if (
    ttl !== undefined &&
    ttl !== null &&
    !(typeof ttl === "number" && Number.isSafeInteger(ttl) && ttl >= EXPIRATION_AHEAD_SECONDS_MIN)
  ) {
    return fail(`has an expiration_ttl that is no whole number of at least ${EXPIRATION_AHEAD_SECONDS_MIN} seconds`);
  }
  const unfit = findJsonFault(metadata);
  if (unfit !== undefined) return fail(`(key "${visible(key.slice(0, 80))}") has metadata that ${unfit}`);
  const text = metadata === undefined || metadata === null ? undefined : canonicalJson(metadata);
  if (text !== undefined && Buffer.byteLength(text) > METADATA_BYTES_MAX)
    return fail(`has over ${METADATA_BYTES_MAX} bytes of metadata`);
  return { key: parseKeyOf(key, item, name), bytes, metadata: text, expiration: at, ttlSeconds: ttl ?? undefined };
}

const PROPERTIES = new Set(["key", "value", "base64", "expiration", "expiration_ttl", "metadata"]);
/** How many names of properties are told. */
const IGNORED_MAX = 20;

/** What `bulk put` says of properties that it did not write. */
export function renderIgnored(ignored: ReadonlyMap<string, number>, name: string): readonly string[] {
  return [...ignored].map(
    ([property, times]) =>
      `${name}: the property "${visible(property)}" of ${times} pairs means nothing to KV and is not written`,
  );
}

/** A key as one of a list: a name as it is, a JSON string, or an object with its `name` or `key`. Throws AppError "usage". */
export function parseListedKey(item: TextItem, name: string): Key {
  if (item.isPlain === true) return parseKeyOf(item.text, item, name);
  const hint = 'each is "key" or {"name": "key"}; for names as they are, a line each: --format lines';
  const key = nameOf(parseJson(item, name, hint));
  if (key !== undefined) return parseKeyOf(key, item, name);
  throw new AppError("usage", `${item.unit} ${item.number} of ${name} is no key`, { hint });
}

function parseKeyOf(text: string, { unit, number }: TextItem, name: string): Key {
  try {
    return parseKeyArgument(text);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError("usage", `${unit} ${number} of ${name}: ${error.message}`, { cause: error });
  }
}

function parseJson(
  { text, unit, number }: TextItem,
  name: string,
  hint = "a comma or a quote may be missing or too many",
): Json {
  try {
    return parseExactJson(text);
  } catch (error) {
    throw new AppError("usage", `${unit} ${number} of ${name} is not JSON: ${visible((error as Error).message)}`, {
      hint,
      cause: error,
    });
  }
}

/** Whether `text` is all base64, with or without padding: Buffer.from skips what is not. */
function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text) && text.replace(/[\s=]/g, "").length % 4 !== 1;
}
