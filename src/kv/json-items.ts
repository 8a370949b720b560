// The items of a JSON array, of lines of JSON, or of plain names, one at a time from a stream of bytes: a file of any
// size in a page of memory. (Streaming parsers on npm build tokens and trees; here only the ends of items are looked
// for, and JSON.parse does the rest.)

import { isUtf8 } from "node:buffer";
import { AppError } from "../core/errors.ts";
import { VALUE_BYTES_MAX } from "../core/limits.ts";

export interface InputItem {
  /** UTF-8, without blanks around it. Good until the next page is asked for. */
  readonly bytes: Buffer;
  /** Where it begins in the input: how many bytes stand before it. */
  readonly at: number;
  /** From 1: which item of the array, or which line. */
  readonly number: number;
  readonly unit: "item" | "line" | "name";
  /** It is a name as it stands, and no JSON. */
  readonly isPlain?: true;
}

export interface ItemsForm {
  /** `lines`: a name a line. `null`: a NUL byte after each name. `json`: an array, or a line of JSON for each item. */
  readonly form: "lines" | "null" | "json";
  /** Whether a last name without an end is refused: whoever wrote the input may have been stopped in the middle of it. */
  readonly mayBeCut: boolean;
  /** Is told where an array ends too soon: its whole items are taken. Not given: it is refused. */
  readonly onCut?: ((where: string) => void) | undefined;
}

export function textOf({ bytes }: InputItem): string {
  return bytes.toString("utf8");
}

/** A value in JSON takes up to six bytes for one (a control character), and its key and metadata a little. */
const ITEM_BYTES_MAX = 6 * VALUE_BYTES_MAX + 65_536;
const PAGE_ITEMS = 1000;
const PAGE_BYTES = 4 * 1024 * 1024;
/** Such an item is the last of its page, and its memory is used again after that. */
const LARGE_ITEM_BYTES = 1024 * 1024;

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
 * are taken with their blanks. A chunk is not needed any more when the next one is asked for. `name` is for messages. Throws AppError "usage" for what is neither, is not UTF-8, or ends
 * too soon. */
export async function* readItems(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  { form, mayBeCut, onCut }: ItemsForm = { form: "json", mayBeCut: false },
): AsyncGenerator<readonly InputItem[], void> {
  let splitter: Splitter | undefined;
  let page: InputItem[] = [];
  let pageBytes = 0;
  const take: Take = ({ bytes, at }, number, unit) => {
    if (!isUtf8(bytes)) throw new AppError("usage", `${unit} ${number} of ${name} is not valid UTF-8`);
    const isLarge = bytes.byteLength >= LARGE_ITEM_BYTES;
    // A small one is one of many on its page, which takes several chunks.
    const own = isLarge ? bytes : Buffer.from(bytes);
    page.push({ bytes: own, at, number, unit, ...(form !== "json" && { isPlain: true }) });
    pageBytes += isLarge ? PAGE_BYTES : bytes.byteLength;
  };
  let blankLines = 0;
  if (form !== "json") splitter = nameSplitter(take, name, form, mayBeCut);
  for await (const chunk of placed(chunks, form)) {
    if (splitter === undefined) {
      const start = chunk.bytes.findIndex((byte) => !isBlank(byte));
      if (start === -1) {
        for (const byte of chunk.bytes) if (byte === NEWLINE) blankLines++;
        continue;
      }
      splitter =
        chunk.bytes[start] === OPEN_BRACKET ? arraySplitter(take, name, onCut) : lineSplitter(take, name, blankLines);
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

/** Bytes, and how many of the input stand before them. */
interface Part {
  readonly bytes: Buffer;
  readonly at: number;
}

/** `chunks`, in text without the byte order mark that some editors begin a file with, also if a chunk ends inside the mark. */
async function* placed(chunks: AsyncIterable<Uint8Array>, form: ItemsForm["form"]): AsyncGenerator<Part, void> {
  let head: Buffer | undefined = form === "null" ? undefined : Buffer.alloc(0);
  let at = 0;
  for await (const chunk of chunks) {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (head !== undefined) {
      head = Buffer.concat([head, bytes]);
      if (head.byteLength < 3) continue;
      const hasMark = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf;
      bytes = hasMark ? head.subarray(3) : head;
      if (hasMark) at = 3;
      head = undefined;
    }
    yield { bytes, at };
    at += bytes.byteLength;
  }
  if (head !== undefined && head.byteLength > 0) yield { bytes: head, at };
}

interface Splitter {
  add(chunk: Part): void;
  end(): void;
}

type Take = (part: Part, number: number, unit: InputItem["unit"]) => void;

const END: Part = { bytes: Buffer.alloc(0), at: 0 };

function lineSplitter(take: Take, name: string, linesBefore: number): Splitter {
  const rest = restOf(name, "line");
  let number = linesBefore;
  const finish = (part: Part): void => {
    number++;
    const line = trim(rest.takeWith(part));
    if (line.bytes.byteLength > 0) take(line, number, "line");
  };
  return {
    add: (chunk) => {
      rest.free();
      let start = 0;
      for (let end = chunk.bytes.indexOf(NEWLINE); end !== -1; end = chunk.bytes.indexOf(NEWLINE, start)) {
        finish(partOf(chunk, start, end));
        start = end + 1;
      }
      rest.keep(partOf(chunk, start), number + 1);
    },
    end: () => finish(END),
  };
}

/** Names as they are: nothing but the one byte that ends each is taken off. */
function nameSplitter(take: Take, name: string, form: "lines" | "null", mayBeCut: boolean): Splitter {
  const [ending, unit] = form === "null" ? ([NUL, "name"] as const) : ([NEWLINE, "line"] as const);
  const rest = restOf(name, unit);
  let number = 0;
  const finish = (part: Part): void => {
    number++;
    const whole = rest.takeWith(part);
    if (form === "lines" && whole.bytes.at(-1) === RETURN) {
      throw new AppError("usage", `line ${number} of ${name} ends with a carriage return`, {
        hint: "end the lines with \\n alone; a name that ends so can be given as JSON, or with -0",
      });
    }
    // No key is empty.
    if (whole.bytes.byteLength > 0) take(whole, number, unit);
  };
  return {
    add: (chunk) => {
      rest.free();
      let start = 0;
      for (let end = chunk.bytes.indexOf(ending); end !== -1; end = chunk.bytes.indexOf(ending, start)) {
        finish(partOf(chunk, start, end));
        start = end + 1;
      }
      rest.keep(partOf(chunk, start), number + 1);
    },
    end: () => {
      if (mayBeCut && rest.size() > 0) {
        throw new AppError("usage", `${name} ends in the middle of ${unit} ${number + 1}`, {
          hint: `whoever wrote it may have been stopped; end each name with ${form === "null" ? "a NUL byte" : "a line break"}`,
        });
      }
      finish(END);
    },
  };
}

function arraySplitter(take: Take, name: string, onCut: ItemsForm["onCut"]): Splitter {
  const rest = restOf(name, "item");
  // 0: before the array; 1: between items; more: inside one.
  let depth = 0;
  let inString = false;
  let escaped = false;
  /** Bytes of a string that were looked at one by one. */
  let plain = 0;
  let isOver = false;
  let number = 0;
  // Whether the array has ended is known by its bracket; whether an item is missing, by two commas.
  const finish = (part: Part, isLast: boolean): void => {
    const item = trim(rest.takeWith(part));
    if (item.bytes.byteLength === 0) {
      if (isLast && number === 0) return;
      throw new AppError("usage", `item ${number + 1} of ${name} is missing`, { hint: "look for a comma too many" });
    }
    take(item, ++number, "item");
  };
  return {
    add: (chunk) => {
      const { bytes } = chunk;
      rest.free();
      let start = 0;
      for (let i = 0; i < bytes.byteLength; i++) {
        const byte = bytes[i];
        if (inString) {
          if (escaped) escaped = false;
          else if (byte === BACKSLASH) escaped = true;
          else if (byte === QUOTE) inString = false;
          else if (++plain > LONG_STRING_BYTES) {
            plain = 0;
            i = beforeQuote(bytes, i);
          }
          continue;
        }
        if (isOver && !isBlank(byte)) throw new AppError("usage", `${name} goes on after its array has ended`);
        if (byte === QUOTE) {
          inString = true;
          plain = 0;
        } else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
          if (++depth === 1) start = i + 1;
        } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
          if (--depth === 0) {
            // A brace in the wrong place inside an item is left to JSON.parse.
            if (byte === CLOSE_BRACE) throw new AppError("usage", `the array of ${name} is closed by } in place of ]`);
            finish(partOf(chunk, start, i), true);
            isOver = true;
            start = i + 1;
          }
        } else if (byte === COMMA && depth === 1) {
          finish(partOf(chunk, start, i), false);
          start = i + 1;
        }
      }
      if (depth > 0) rest.keep(partOf(chunk, start), number + 1);
    },
    end: () => {
      if (isOver) return;
      const where = `ends in the middle of its array, after ${number} items`;
      if (onCut === undefined) throw new AppError("usage", `${name} ${where}`, { hint: "is the file complete?" });
      onCut(where);
    },
  };
}

const LONG_STRING_BYTES = 64;

/** The last byte from `at` on, where a string goes on, that surely belongs to it: before the next quote, and before the
 * backslashes in front of that, which tell whether it ends the string. (Looking at each byte of large values takes longer than
 * all the rest of reading them.) */
function beforeQuote(bytes: Buffer, at: number): number {
  const quote = bytes.indexOf(QUOTE, at + 1);
  let end = quote === -1 ? bytes.byteLength : quote;
  while (end - 1 > at && bytes[end - 1] === BACKSLASH) end--;
  return end - 1;
}

function partOf({ bytes, at }: Part, start: number, end?: number): Part {
  return { bytes: bytes.subarray(start, end), at: at + start };
}

/** How large a buffer of `size` bytes should become that is to hold `needed`: many grow often, and all that they were lies about
 * until it is collected. A value of the largest size in base64 is grown to at once. */
export function grownBytes(size: number, needed: number): number {
  const next = size < GROWN_AT_ONCE_BYTES ? 2 * size : size < LARGEST_BASE64_BYTES ? LARGEST_BASE64_BYTES : 2 * size;
  return Math.max(next, needed);
}

const GROWN_AT_ONCE_BYTES = 4 * 1024 * 1024;
const LARGEST_BASE64_BYTES = Math.ceil(VALUE_BYTES_MAX / 3) * 4 + 524_288;

/** The beginning of an item whose end is in a later chunk. */
function restOf(name: string, unit: InputItem["unit"]) {
  let held = Buffer.alloc(0);
  /** Where the beginning is in it: behind a large item that was given out and is in use until the next chunk comes. */
  let from = 0;
  let size = 0;
  let start = 0;
  const hold = (bytes: Buffer): void => {
    const end = from + size + bytes.byteLength;
    if (end > held.byteLength) {
      const larger = Buffer.allocUnsafeSlow(grownBytes(held.byteLength, end));
      held.copy(larger, 0, from, from + size);
      held = larger;
      from = 0;
    }
    bytes.copy(held, from + size);
    size += bytes.byteLength;
  };
  return {
    size: () => size,
    /** The next chunk has come: what was given out before is not needed any more. */
    free: (): void => {
      if (from > 0) held.copyWithin(0, from, from + size);
      from = 0;
    },
    keep: ({ bytes, at }: Part, number: number): void => {
      if (size === 0) start = at;
      hold(bytes);
      if (size > ITEM_BYTES_MAX)
        throw new AppError("usage", `${unit} ${number} of ${name} is larger than any key and value can be`);
    },
    takeWith: (part: Part): Part => {
      if (size === 0) return part;
      hold(part.bytes);
      const bytes = held.subarray(from, from + size);
      if (size >= LARGE_ITEM_BYTES) from += size;
      size = 0;
      return { bytes, at: start };
    },
  };
}

function trim({ bytes, at }: Part): Part {
  let start = 0;
  let end = bytes.byteLength;
  while (start < end && isBlank(bytes[start])) start++;
  while (end > start && isBlank(bytes[end - 1])) end--;
  return partOf({ bytes, at }, start, end);
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === NEWLINE || byte === RETURN || byte === TAB;
}
