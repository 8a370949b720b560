// JSON values as KV metadata holds them, and one canonical text for each, so that two can be compared as strings
// whatever order a server gives their properties in.
//
// JSON.parse takes text of any depth, but changes numbers without a word, and JSON.stringify overflows the stack on what is
// nested deep. So JSON that somebody else wrote is read with parseJson and rendered with canonicalJson or compactJson, and
// what is to be carried from one side to another is asked for its faults first (findJsonFault).

import type { Json } from "./json-value.ts";
import { endOfString, parseJsonText } from "./json-text.ts";

/** Metadata has at most 1,024 bytes, and each level of it takes two: what is legal is never nested deeper. */
export const JSON_DEPTH_MAX = 512;

/** The compact JSON text of `value` with the properties of every object sorted by name, of whatever depth. */
export function canonicalJson(value: Json): string {
  if (isFlat(value)) return JSON.stringify(value);
  return render(value, (names) => names.sort());
}

/** The compact JSON text of `value`, as JSON.stringify has it, of whatever depth. */
export function compactJson(value: Json): string {
  return render(value, (names) => names);
}

/** Whether JSON.stringify renders it canonically: it is no list or object, or an object of such whose names are in order. */
function isFlat(value: Json): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (isList(value)) return false;
  let before = "";
  for (const name of Object.keys(value)) {
    const property = value[name];
    if (name < before || (typeof property === "object" && property !== null)) return false;
    before = name;
  }
  return true;
}

export function isJsonObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Like JSON.parse, but a number that a JavaScript number would change stays the text that it is: JSON.stringify renders
 * it unchanged, and {@link findJsonFault} tells of it. Throws SyntaxError. */
export function parseJson(text: string): Json {
  if (findUnsafeNumber(text) === undefined) return parseJsonText(text);
  // A reviver would see each number's text, but it overflows the stack where the text is nested deep.
  const numbers: string[] = [];
  let marked = "";
  let end = 0;
  for (const { at, number } of numbersOf(text)) {
    if (!isUnsafe(number)) continue;
    marked += `${text.slice(end, at)}"${MARK}${numbers.push(number) - 1}"`;
    end = at + number.length;
  }
  marked += text.slice(end);
  // What is no JSON with its own numbers must not become JSON with the marks.
  JSON.parse(text);
  const { rawJSON } = JSON as unknown as RawJson;
  const root = { value: parseJsonText(marked) };
  const open: Record<string, Json>[] = [root];
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    for (const [name, value] of Object.entries(holder)) {
      if (typeof value === "object" && value !== null) open.push(value as Record<string, Json>);
      const number =
        typeof value === "string" && value.startsWith(MARK) ? numbers[Number(value.slice(MARK.length))] : undefined;
      if (number === undefined) continue;
      Object.defineProperty(holder, name, {
        value: rawJSON(number),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
  }
  return root.value;
}

/** Stands for a number while its text is parsed. A string that looks so is taken for one at worst, and then refused. */
const MARK = "\u{f0000}kvsync number ";

/** Why `value` cannot be carried from one side to another as it is: nested too deep, or a number that would change.
 * Undefined: it can. */
export function findJsonFault(value: Json | undefined): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { isRawJSON } = JSON as unknown as RawJson;
  let level: Json[] = [value];
  for (let depth = 1; level.length > 0; depth++) {
    const inner: Json[] = [];
    for (const item of level) {
      if (isRawJSON(item)) return describeUnsafeNumber((item as { readonly rawJSON: string }).rawJSON);
      if (depth > JSON_DEPTH_MAX) return `is nested more than ${JSON_DEPTH_MAX} levels deep`;
      for (const below of Object.values(item as object) as Json[])
        if (typeof below === "object" && below !== null) inner.push(below);
    }
    level = inner;
  }
  return undefined;
}

/** For a message about what has the number: `has the number 1e400, which would be changed: write it as a string`. */
function describeUnsafeNumber(number: string): string {
  const shown = number.length > NUMBER_SHOWN_MAX ? `${number.slice(0, NUMBER_SHOWN_MAX)}...` : number;
  return `has the number ${shown}, which would not be kept exactly: write it as a string`;
}

const NUMBER_SHOWN_MAX = 40;

/** The first number in the JSON text `text` whose value is another one once JavaScript has read it (9007199254740993,
 * 1e400, 0.1234567890123456789), as it is written there. `1.0` and `-0` are equal to what they become: 1 and 0. What is
 * no JSON text has none that counts. */
export function findUnsafeNumber(text: string): string | undefined {
  // Nearly no text has a long number, or one with an exponent: a fast search tells, strings not told from numbers.
  if (!MAYBE_UNSAFE.test(text) && !MAYBE_UNSAFE_FIRST.test(text)) return undefined;
  for (const { number } of numbersOf(text)) if (isUnsafe(number)) return number;
  return undefined;
}

/** 15 digits are always kept. One expression for both takes four times as long. */
const MAYBE_UNSAFE = /[:,[\s]-?(?:[\d.]{16}|\d[\d.]*[eE])/;
const MAYBE_UNSAFE_FIRST = /^-?(?:[\d.]{16}|\d[\d.]*[eE])/;

/** The numbers in `text` that are in no string. */
function* numbersOf(text: string): Generator<{ readonly at: number; readonly number: string }, void> {
  const tokens = /"|-?\d[\d.]*(?:[eE][+-]?\d+)?/g;
  for (let token = tokens.exec(text); token !== null; token = tokens.exec(text)) {
    if (token[0] === '"') tokens.lastIndex = endOfString(text, token.index);
    else yield { at: token.index, number: token[0] };
  }
}

function isUnsafe(number: string): boolean {
  return number.length > 15 || /[eE]/.test(number) ? decimal(number) !== decimal(String(Number(number))) : false;
}

/** One text for all ways to write a number: its digits without zeros at either end, and the power of ten of the last. */
function decimal(number: string): string {
  const [, sign = "", whole = "", fraction = "", power = "0"] = DECIMAL.exec(number) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return DECIMAL.test(number) ? "0" : number;
  return `${sign}${significant}e${BigInt(power) - BigInt(fraction.length) + BigInt(digits.length - significant.length)}`;
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Part of ECMAScript's source text access, which TypeScript's library does not have yet. */
interface RawJson {
  readonly rawJSON: (text: string) => Json;
  readonly isRawJSON: (value: unknown) => boolean;
}

/** Without recursion: a stack of what is still to be rendered, the next one last. */
function render(value: Json, order: (names: string[]) => readonly string[]): string {
  const { isRawJSON } = JSON as unknown as RawJson;
  let text = "";
  const open: (Json | Punctuation)[] = [value];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    if (item instanceof Punctuation) text += item.text;
    else if (typeof item !== "object" || item === null || isRawJSON(item)) text += JSON.stringify(item);
    else if (isList(item)) {
      open.push(LIST_END);
      for (let i = item.length - 1; i >= 0; i--) open.push(item[i]!, i === 0 ? LIST_START : COMMA);
      if (item.length === 0) open.push(LIST_START);
    } else {
      open.push(OBJECT_END);
      const names = order(Object.keys(item));
      for (let i = names.length - 1; i >= 0; i--)
        open.push(item[names[i]!]!, new Punctuation(`${i === 0 ? "{" : ","}${JSON.stringify(names[i]!)}:`));
      if (names.length === 0) open.push(OBJECT_START);
    }
  }
  return text;
}

class Punctuation {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
const LIST_START = new Punctuation("[");
const LIST_END = new Punctuation("]");
const OBJECT_START = new Punctuation("{");
const OBJECT_END = new Punctuation("}");
const COMMA = new Punctuation(",");

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
