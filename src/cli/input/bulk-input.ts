// What `kvsync bulk` reads: pairs in wrangler's form, and lists of keys.

import { AppError, visible } from "../../core/errors.ts";
import { parseJson as parseExactJson } from "../../core/json.ts";
import { type Json } from "../../core/json-value.ts";
import type { Key } from "../../core/key.ts";
import { decodePair } from "../../kv/decode-pair.ts";
import { type InputItem, readItems, textOf } from "../../kv/json-items.ts";
import type { Pair } from "../../kv/pair-text.ts";
import type { Context } from "../context.ts";
import { detectKeyForm, type KeyForm, nameOf } from "./key-form.ts";
import { parseKeyArgument } from "./key-argument.ts";
import { readPairsObject } from "../../kv/pairs-object.ts";
import { openInput } from "./open-input.ts";

export interface BulkInput {
  /** For messages: `pairs.json`, `stdin`. */
  readonly name: string;
  /** Whether it can be read again from its beginning. */
  readonly isFile: boolean;
  items(): AsyncGenerator<readonly InputItem[], void>;
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
  async function open(): Promise<AsyncIterable<readonly InputItem[]>> {
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
  async function* items(): AsyncGenerator<readonly InputItem[], void> {
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

/** A pair in wrangler's form. Properties that no pair has are counted in `ignored`. Throws AppError "usage". */
export function parsePair(item: InputItem, name: string, ignored: Map<string, number>): Pair {
  const pair = decodePair(item.bytes, {
    onIgnored: (property) => {
      if (ignored.has(property) || ignored.size < IGNORED_MAX) ignored.set(property, (ignored.get(property) ?? 0) + 1);
    },
  });
  if (!("fault" in pair)) return pair;
  throw new AppError("usage", `${placeOf(item, pair.key)} of ${name} ${pair.fault}`, { hint: pair.hint });
}

/** `item 3 ("a")` */
function placeOf({ unit, number }: InputItem, key: string | undefined): string {
  return key === undefined ? `${unit} ${number}` : `${unit} ${number} ("${visible(key.slice(0, 80))}")`;
}

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
export function parseListedKey(item: InputItem, name: string): Key {
  if (item.isPlain === true) return parseKeyOf(textOf(item), item, name);
  const hint = 'each is "key" or {"name": "key"}; for names as they are, a line each: --format lines';
  const key = nameOf(parseJson(item, name, hint));
  if (key !== undefined) return parseKeyOf(key, item, name);
  throw new AppError("usage", `${item.unit} ${item.number} of ${name} is no key`, { hint });
}

function parseKeyOf(text: string, { unit, number }: InputItem, name: string): Key {
  try {
    return parseKeyArgument(text);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError("usage", `${unit} ${number} of ${name}: ${error.message}`, { cause: error });
  }
}

function parseJson(item: InputItem, name: string, hint: string): Json {
  const { unit, number } = item;
  try {
    return parseExactJson(textOf(item));
  } catch (error) {
    throw new AppError("usage", `${unit} ${number} of ${name} is not JSON: ${visible((error as Error).message)}`, {
      hint,
      cause: error,
    });
  }
}
