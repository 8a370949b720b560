// The items of a JSON array, of lines of JSON, or of plain names, one at a time from a stream of bytes: a file of any
// size in a page of memory. (Streaming parsers on npm build tokens and trees; here only the ends of items are looked
// for, and JSON.parse does the rest.)

import { isUtf8 } from "node:buffer";
import { AppError } from "../../core/errors.ts";
import { VALUE_BYTES_MAX } from "../../core/limits.ts";
import type { KeyForm } from "./key-form.ts";

export interface TextItem {
  readonly text: string;
  /** From 1: which item of the array, or which line. */
  readonly number: number;
  readonly unit: "item" | "line" | "name";
  /** It is a name as it stands, and no JSON. */
  readonly isPlain?: true;
}

export interface ItemsForm {
  readonly form: KeyForm;
  /** Whether a last name without an end is refused: whoever wrote the input may have been stopped in the middle of it. */
  readonly mayBeCut: boolean;
}

/** A value in JSON takes up to six bytes for one (a control character), and its key and metadata a little. */
const ITEM_BYTES_MAX = 6 * VALUE_BYTES_MAX + 65_536;
const PAGE_ITEMS = 1000;
const PAGE_BYTES = 4 * 1024 * 1024;

const NUL = 0x00;
const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Pages of items. In JSON, those of the array if the first character is `[`, else the lines that are not blank; plain names
 * are taken with their blanks. `name` is for messages. Throws AppError "usage" for what is neither, is not UTF-8, or ends
 * too soon. */
export async function* readItems(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  { form, mayBeCut }: ItemsForm = { form: "json", mayBeCut: false },
): AsyncGenerator<readonly TextItem[], void> {
  let splitter: Splitter | undefined;
  let page: TextItem[] = [];
  let pageBytes = 0;
  const take = (bytes: Uint8Array, number: number, unit: TextItem["unit"]): void => {
    if (!isUtf8(bytes)) throw new AppError("usage", `${unit} ${number} of ${name} is not valid UTF-8`);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    page.push({ text, number, unit, ...(form !== "json" && { isPlain: true }) });
    pageBytes += bytes.byteLength;
  };
  let blankLines = 0;
  if (form !== "json") splitter = nameSplitter(take, name, form, mayBeCut);
  for await (const chunk of form === "null" ? chunks : withoutMark(chunks)) {
    if (splitter === undefined) {
      const start = chunk.findIndex((byte) => !isBlank(byte));
      if (start === -1) {
        for (const byte of chunk) if (byte === NEWLINE) blankLines++;
        continue;
      }
      splitter = chunk[start] === OPEN_BRACKET ? arraySplitter(take, name) : lineSplitter(take, name, blankLines);
    }
    splitter.add(chunk);
    if (page.length >= PAGE_ITEMS || pageBytes >= PAGE_BYTES) {
      yield page;
      [page, pageBytes] = [[], 0];
    }
  }
  splitter?.end();
  if (page.length > 0) yield page;
}

/** `chunks` without the byte order mark that some editors begin a file with, also if a chunk ends inside the mark. */
async function* withoutMark(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let head: Uint8Array | undefined = new Uint8Array();
  for await (const chunk of chunks) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.byteLength < 3) continue;
    yield head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? head.subarray(3) : head;
    head = undefined;
  }
  if (head !== undefined && head.byteLength > 0) yield head;
}

interface Splitter {
  add(chunk: Uint8Array): void;
  end(): void;
}

type Take = (bytes: Uint8Array, number: number, unit: TextItem["unit"]) => void;

function lineSplitter(take: Take, name: string, linesBefore: number): Splitter {
  const rest = restOf(name, "line");
  let number = linesBefore;
  const finish = (part: Uint8Array): void => {
    number++;
    const line = trim(rest.takeWith(part));
    if (line.byteLength > 0) take(line, number, "line");
  };
  return {
    add: (chunk) => {
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
        finish(chunk.subarray(start, end));
        start = end + 1;
      }
      rest.keep(chunk.subarray(start), number + 1);
    },
    end: () => finish(new Uint8Array()),
  };
}

/** Names as they are: nothing but the one byte that ends each is taken off. */
function nameSplitter(take: Take, name: string, form: "lines" | "null", mayBeCut: boolean): Splitter {
  const [ending, unit] = form === "null" ? ([NUL, "name"] as const) : ([NEWLINE, "line"] as const);
  const rest = restOf(name, unit);
  let number = 0;
  const finish = (part: Uint8Array): void => {
    number++;
    const bytes = rest.takeWith(part);
    if (form === "lines" && bytes.at(-1) === RETURN) {
      throw new AppError("usage", `line ${number} of ${name} ends with a carriage return`, {
        hint: "end the lines with \\n alone; a name that ends so can be given as JSON, or with -0",
      });
    }
    // No key is empty.
    if (bytes.byteLength > 0) take(bytes, number, unit);
  };
  return {
    add: (chunk) => {
      let start = 0;
      for (let end = chunk.indexOf(ending); end !== -1; end = chunk.indexOf(ending, start)) {
        finish(chunk.subarray(start, end));
        start = end + 1;
      }
      rest.keep(chunk.subarray(start), number + 1);
    },
    end: () => {
      if (mayBeCut && rest.size() > 0) {
        throw new AppError("usage", `${name} ends in the middle of ${unit} ${number + 1}`, {
          hint: `whoever wrote it may have been stopped; end each name with ${form === "null" ? "a NUL byte" : "a line break"}`,
        });
      }
      finish(new Uint8Array());
    },
  };
}

function arraySplitter(take: Take, name: string): Splitter {
  const rest = restOf(name, "item");
  // 0: before the array; 1: between items; more: inside one.
  let depth = 0;
  let inString = false;
  let escaped = false;
  let isOver = false;
  let number = 0;
  // Whether the array has ended is known by its bracket; whether an item is missing, by two commas.
  const finish = (part: Uint8Array, isLast: boolean): void => {
    const item = trim(rest.takeWith(part));
    if (item.byteLength === 0) {
      if (isLast && number === 0) return;
      throw new AppError("usage", `item ${number + 1} of ${name} is missing`, { hint: "look for a comma too many" });
    }
    take(item, ++number, "item");
  };
  return {
    add: (chunk) => {
      let start = 0;
      for (let i = 0; i < chunk.byteLength; i++) {
        const byte = chunk[i];
        if (inString) {
          if (escaped) escaped = false;
          else if (byte === BACKSLASH) escaped = true;
          else if (byte === QUOTE) inString = false;
          continue;
        }
        if (isOver && !isBlank(byte)) throw new AppError("usage", `${name} goes on after its array has ended`);
        if (byte === QUOTE) inString = true;
        else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
          if (++depth === 1) start = i + 1;
        } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
          if (--depth === 0) {
            // A brace in the wrong place inside an item is left to JSON.parse.
            if (byte === CLOSE_BRACE) throw new AppError("usage", `the array of ${name} is closed by } in place of ]`);
            finish(chunk.subarray(start, i), true);
            isOver = true;
            start = i + 1;
          }
        } else if (byte === COMMA && depth === 1) {
          finish(chunk.subarray(start, i), false);
          start = i + 1;
        }
      }
      if (depth > 0) rest.keep(chunk.subarray(start), number + 1);
    },
    end: () => {
      if (!isOver)
        throw new AppError("usage", `${name} ends in the middle of its array`, { hint: "is the file complete?" });
    },
  };
}

/** The beginning of an item whose end is in a later chunk. */
function restOf(name: string, unit: TextItem["unit"]) {
  let parts: Uint8Array[] = [];
  let size = 0;
  return {
    size: () => size,
    keep: (part: Uint8Array, number: number): void => {
      parts.push(part);
      size += part.byteLength;
      if (size > ITEM_BYTES_MAX)
        throw new AppError("usage", `${unit} ${number} of ${name} is larger than any key and value can be`);
    },
    takeWith: (part: Uint8Array): Uint8Array => {
      if (size === 0) return part;
      const whole = Buffer.concat([...parts, part]);
      [parts, size] = [[], 0];
      return whole;
    },
  };
}

function trim(bytes: Uint8Array): Uint8Array {
  let start = 0;
  let end = bytes.byteLength;
  while (start < end && isBlank(bytes[start])) start++;
  while (end > start && isBlank(bytes[end - 1])) end--;
  return bytes.subarray(start, end);
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === NEWLINE || byte === RETURN || byte === TAB;
}
