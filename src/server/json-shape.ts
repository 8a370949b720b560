// A request's JSON is measured before it is parsed: what parses into millions of objects needs a hundred times the memory
// of its text, and what is nested deeply overflows the stack of who writes it out again. No request that KV would take comes
// near these bounds.

import { BULK_ITEMS_MAX, METADATA_BYTES_MAX } from "../core/limits.ts";

/** `[[]]` is nested two deep, and takes two bytes a level: no metadata of 1,024 bytes is deeper. A bulk write puts it into
 * two levels more. */
const DEPTH_MAX = METADATA_BYTES_MAX / 2 + 2;
/** The pairs of a bulk write, and as many arrays in the metadata of each as have room there. */
const CONTAINERS_MAX = BULK_ITEMS_MAX * (1 + METADATA_BYTES_MAX / 2);
/** Values of the array or object that the text is; a bulk get's `keys` and a bulk write's pairs are as many at the most. */
const COMMAS_MAX = BULK_ITEMS_MAX * METADATA_BYTES_MAX;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Why `text` is not parsed, in lower case; undefined: it may be. It need not be JSON. */
export function jsonShapeFault(text: Uint8Array): string | undefined {
  let depth = 0;
  let containers = 0;
  let commas = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at];
    if (byte === QUOTE) at = endOfString(text, at);
    else if (byte === COMMA) commas++;
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      containers++;
      depth++;
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
    if (depth > DEPTH_MAX) return "it is nested too deeply";
    if (containers > CONTAINERS_MAX || commas > COMMAS_MAX) return "it has too many values";
  }
  return undefined;
}

/** Where the string that begins at `start` ends; the end of the text if it does not. */
function endOfString(text: Uint8Array, start: number): number {
  for (let at = start; ;) {
    const end = text.indexOf(QUOTE, at + 1);
    if (end === -1) return text.length;
    let backslashes = 0;
    while (text[end - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
    at = end;
  }
}
