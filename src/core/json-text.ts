// JSON.parse, but for a fault of V8 13.6 (Node 24.21): after some objects with escaped property names it takes an escaped name
// for another one, `{"\t":1,"\r":1}` for the names "\t" and "\\", without an error. Strings that are values are read right. So
// names with an escape are put aside before the text is parsed, each is read as a value, and they are put in their places again.

import type { Json } from "./json-value.ts";

const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Like JSON.parse, with the names as they are written. Throws SyntaxError. */
export function parseJsonText(text: string): Json {
  if (!hasEscapedName(text)) return JSON.parse(text) as Json;
  // What is no JSON must not become JSON with other names.
  JSON.parse(text);
  const mark = markFor(text);
  const names: string[] = [];
  let marked = "";
  let end = 0;
  for (let start = text.indexOf('"'); start !== -1; start = text.indexOf('"', end)) {
    const after = endOfString(text, start);
    const string = text.slice(start, after);
    marked += text.slice(end, start);
    marked += isEscapedName(text, start, after) ? `"${mark}${names.push(JSON.parse(string) as string) - 1}"` : string;
    end = after;
  }
  const root = { value: JSON.parse(marked + text.slice(end)) as Json };
  if (names.length > 0)
    rename(root, (name) => (name.startsWith(mark) ? names[Number(name.slice(mark.length))]! : name));
  return root.value;
}

/** Goes from string to string: an expression that looks at every escape of a bulk write's values takes as long as parsing it. */
function hasEscapedName(text: string): boolean {
  if (!text.includes("\\")) return false;
  for (let start = text.indexOf('"'); start !== -1;) {
    const after = endOfString(text, start);
    if (isEscapedName(text, start, after)) return true;
    start = text.indexOf('"', after);
  }
  return false;
}

/** Whether the string from `start` to before `after` is a name, with an escape. */
function isEscapedName(text: string, start: number, after: number): boolean {
  return text.charCodeAt(afterBlanks(text, after)) === COLON && text.slice(start, after).includes("\\");
}

function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function slashesBefore(text: string, at: number): number {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
  return slashes;
}

function afterBlanks(text: string, start: number): number {
  let at = start;
  while (isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** Stands for a name in `text`, and occurs nowhere in it. */
function markFor(text: string): string {
  let mark = "\u{f0000}kvsync name ";
  while (text.includes(mark)) mark += "'";
  return mark;
}

/** Gives the properties of every object below `root` their names, in their order. */
function rename(root: object, nameOf: (name: string) => string): void {
  const open: object[] = [root];
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    const entries = Object.entries(holder) as [string, Json][];
    for (const [, value] of entries) if (typeof value === "object" && value !== null) open.push(value);
    if (Array.isArray(holder) || entries.every(([name]) => nameOf(name) === name)) continue;
    for (const [name] of entries) Reflect.deleteProperty(holder, name);
    for (const [name, value] of entries) {
      const property = { value, enumerable: true, writable: true, configurable: true };
      Object.defineProperty(holder, nameOf(name), property);
    }
  }
}

/** Where the string that begins at `start` is over. Strings are skipped by their quotes: an expression that matches one
 * overflows its stack at 10 MB. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    if (slashesBefore(text, end) % 2 === 0) return end + 1;
  }
  return text.length;
}
