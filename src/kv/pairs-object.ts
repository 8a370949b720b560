// What `wrangler kv bulk get` prints, as pairs: one JSON object of keys to values, or to {"value", "metadata"}. It has at most
// 100 keys and 25 MiB, so it is read whole. A key that was not found is null there.

import { isUtf8 } from "node:buffer";
import { AppError, visible } from "../core/errors.ts";
import { compactJson, isJsonObject, parseJson } from "../core/json.ts";
import { type Json } from "../core/json-value.ts";
import { VALUE_BYTES_MAX } from "../core/limits.ts";
import type { InputItem } from "./json-items.ts";

export interface PairsObject {
  readonly pairs: readonly InputItem[];
  /** Keys without a value. */
  readonly absent: readonly string[];
}

/** Either the pairs of the object that `source` is, or all of `source` again, for other readers. */
export async function readPairsObject(
  source: AsyncIterable<Uint8Array>,
  name: string,
): Promise<PairsObject | AsyncGenerator<Uint8Array, void>> {
  const rest = source[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  let size = 0;
  const scan = openScan();
  let isObject: boolean | undefined;
  while (isObject === undefined && size <= OBJECT_BYTES_MAX) {
    const next = await rest.next();
    if (next.done === true) break;
    parts.push(Buffer.from(next.value));
    size += next.value.byteLength;
    isObject = scan(next.value);
  }
  const head = Buffer.concat(parts);
  const object = isObject === true ? parseObject(head) : undefined;
  if (object !== undefined) {
    // Whatever follows, none of it may be lost.
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      if (next.value.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d)) continue;
      await rest.return?.();
      throw new AppError("usage", `${name} goes on after its object of keys has ended`, {
        hint: 'pairs are {"key": "...", "value": "..."}, a line each or in an array',
      });
    }
    return pairsOf(object, name);
  }
  return (async function* () {
    try {
      yield head;
      yield* { [Symbol.asyncIterator]: () => rest };
    } finally {
      await rest.return?.();
    }
  })();
}

/** As text in JSON, where a character takes up to six bytes. */
const OBJECT_BYTES_MAX = 6 * VALUE_BYTES_MAX + 65_536;

/** Takes chunks until it is known whether the input begins with an object, which is whole then. */
function openScan(): (chunk: Uint8Array) => boolean | undefined {
  let [depth, inString, escaped, begun] = [0, false, false, false];
  return (chunk) => {
    for (const byte of chunk) {
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === 0x5c) escaped = true;
        else if (byte === 0x22) inString = false;
      } else if (byte === 0x22) inString = true;
      else if (byte === 0x7b || byte === 0x5b) depth++;
      else if (byte === 0x7d || byte === 0x5d) depth--;
      if (!begun && byte === 0x5b) return false;
      begun ||= depth > 0;
      if (begun && depth <= 0) return true;
    }
    return undefined;
  };
}

/** The object that `bytes` begin with, if it is one of keys: pairs have a `key` and a `value`, or are meant to. */
function parseObject(bytes: Uint8Array): { readonly [key: string]: Json } | undefined {
  if (!isUtf8(bytes)) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  let json: Json;
  try {
    json = parseJson(text.replace(/^\ufeff/, ""));
  } catch {
    // Lines of JSON, or none: readItems says what is wrong.
    return undefined;
  }
  if (!isJsonObject(json)) return undefined;
  return Object.keys(json).some((name) => /^(key|value)$/i.test(name)) ? undefined : json;
}

function pairsOf(object: { readonly [key: string]: Json }, name: string): PairsObject {
  const absent: string[] = [];
  const pairs: InputItem[] = [];
  for (const [key, held] of Object.entries(object)) {
    if (held === null) absent.push(key);
    else if (typeof held !== "string" && !isJsonObject(held)) {
      throw new AppError("usage", `"${visible(key)}" of ${name} has a value that is no string`, {
        hint: 'an object of keys is {"KEY": "VALUE"}, or {"KEY": {"value": "VALUE", "metadata": {}}}',
      });
    } else {
      const pair = typeof held === "string" ? { key, value: held } : { ...held, key };
      pairs.push({
        bytes: Buffer.from(compactJson(pair)),
        at: 0,
        number: pairs.length + absent.length + 1,
        unit: "item",
      });
    }
  }
  return { pairs, absent };
}
