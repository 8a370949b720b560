// The forms that a list of keys has, and which of them an input is in. The form is decided once, from how the input begins,
// and never line by line: a key may look like JSON, begin or end with spaces, or hold a line break.
//
// Invariant: whatever lines somebody picks from what `kvsync key list` prints, in any order, the commands that take lists of
// keys take as exactly those keys, or refuse. So detectKeyForm takes for JSON only what plainFault lets nobody print.

import { AppError } from "../../core/errors.ts";
import { isJsonObject } from "../../core/json.ts";
import { type Json } from "../../core/json-value.ts";

/** `lines`: a name a line. `null`: a NUL byte after each name. `json`: an array, or a line of JSON for each key. */
export type KeyForm = "lines" | "null" | "json";

/** As `-0` and `--format` name them. Throws AppError "usage". */
export function parseKeyForm(options: KeyFormOptions): KeyForm | undefined {
  const { null: isNull = false, format } = options;
  if (isNull && format !== undefined)
    throw new AppError("usage", "the form is given twice", { hint: "leave out -0 or --format" });
  if (isNull) return "null";
  if (format === undefined || format === "lines" || format === "json") return format;
  throw new AppError("usage", `--format: there are lines and json`, { hint: "for names that end with a NUL byte: -0" });
}

export interface KeyFormOptions {
  readonly null?: boolean;
  readonly format?: string;
}

export interface DetectedForm {
  readonly form: "lines" | "json";
  /** All of the input. */
  readonly chunks: AsyncGenerator<Uint8Array, void>;
}

/** JSON is what begins as an array or an object of it does: `["`, `[{`, `[]`, `{"`, `{}`. Where the first lines begin with `"`,
 * they are names if another line does not, and nobody can say if all do. Throws AppError "usage" for those. */
export async function detectKeyForm(source: AsyncIterable<Uint8Array>, name: string): Promise<DetectedForm> {
  const rest = source[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array();
  let form: "lines" | "json" | undefined;
  for (let isWhole = false; form === undefined;) {
    const next = await rest.next();
    isWhole = next.done === true;
    if (next.done !== true) head = Buffer.concat([head, next.value]);
    form = formOf(Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("latin1"), isWhole);
    if (form !== undefined || (!isWhole && head.byteLength < HEAD_BYTES_MAX)) continue;
    await rest.return?.();
    throw new AppError("usage", `every line of ${name} begins with ": are they names, or JSON strings?`, {
      hint: "say so with --format lines, or --format json",
    });
  }
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    yield head;
    yield* { [Symbol.asyncIterator]: () => rest };
  }
  return { form, chunks: chunks() };
}

/** A list that can be told within so much is told. */
const HEAD_BYTES_MAX = 1024 * 1024;

/** Undefined: its beginning, `head` (a character a byte), does not tell. */
function formOf(head: string, isWhole: boolean): "lines" | "json" | undefined {
  // Not before it is known whether there is a byte order mark.
  if (head.length < 3 && !isWhole) return undefined;
  const text = head.startsWith("\xef\xbb\xbf") ? head.slice(3) : head;
  const [, first, second] = BEGINNING.exec(text) ?? [];
  if (first === undefined) return isWhole ? "lines" : undefined;
  if (first === "[" || first === "{") {
    if (second === undefined) return isWhole ? "json" : undefined;
    return second === '"' || (first === "[" ? second === "{" || second === "]" : second === "}") ? "json" : "lines";
  }
  if (first !== '"') return "lines";
  const lines = text.split("\n");
  // Of a line that goes on in the next chunk, the beginning may be missing.
  if (!isWhole) lines.pop();
  const other = lines.map((line) => BEGINNING.exec(line)).find((match) => match !== null && match[1] !== '"');
  // A string and then an object are JSON, if anything: nobody can say.
  return other === undefined || (other?.[1] === "{" && other[2] === '"') ? undefined : "lines";
}

/** The first two characters that are no blanks of JSON. */
const BEGINNING = /^[ \t\r\n]*([^ \t\r\n])[ \t\r\n]*([^ \t\r\n])?/;

/** Why `name` cannot be printed as one of plain names that end with `\n`, or with `\0` if `nulls`; undefined if it can. */
export function plainFault(name: string, nulls: boolean): string | undefined {
  if (nulls) return name.includes("\0") ? "holds a NUL byte" : undefined;
  if (name.includes("\n")) return "holds a line break";
  if (name.endsWith("\r")) return "ends with a carriage return";
  if (name.startsWith("\ufeff")) return "begins with a byte order mark";
  const [, first, second] = BEGINNING.exec(name) ?? [];
  if (first === "[" && (second === undefined || '"{]'.includes(second))) return "begins as a JSON array does";
  return first === "{" && listedName(name) !== undefined ? "is a JSON object with a name" : undefined;
}

function listedName(text: string): string | undefined {
  try {
    return nameOf(JSON.parse(text) as Json);
  } catch {
    // Most names that begin with a brace are no JSON.
    return undefined;
  }
}

/** The key that an item of a JSON list is: a string, or an object with its `name` (as `key list --json` prints) or `key` (as
 * `bulk get` prints). Undefined: none, or two. */
export function nameOf(json: Json): string | undefined {
  if (!isJsonObject(json)) return typeof json === "string" ? json : undefined;
  const { name, key } = json;
  if (name !== undefined && key !== undefined && name !== key) return undefined;
  const either = name ?? key;
  return typeof either === "string" ? either : undefined;
}
