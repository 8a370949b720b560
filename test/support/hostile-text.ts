// Texts made of what names are escaped with and what is escaped: where codecs break, if they do.

import fc from "fast-check";

const CHARS = '% % % % / / / / . . \0 \u0001 \u001f \\ : ? * < > | " ~ - +'.split(" ");
const ESCAPES = ["25", "2525", "00", "2E", "20", "3A", "%00", "%25", "%2E", "%2E%2E", "%+", "%25+", "..", "//", " "];
const WORDS = ["value", "meta", "%value", "%meta", "%25meta", "tmp-1a", "%tmp-0", "%conflict-20261123T101112Z-1"];
const NAMES = [
  "con",
  "CON.",
  "aux",
  "nul.",
  "com1",
  "lpt\u00b9",
  "a",
  "b",
  "A",
  "caf\u00e9",
  "cafe\u0301",
  "\u{1f600}",
];
const ENDS = ["\ufffd", "\ue000", "\uffff", "\u{10ffff}"];
const RUNS = ["k".repeat(16), "k".repeat(100), "k".repeat(239), "\u00e9".repeat(60)];

/** Well-formed text of at most 512 bytes. */
export const hostileText: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(...CHARS, ...ESCAPES, ...WORDS, ...NAMES, ...ENDS, ...RUNS), { maxLength: 10 })
  .map((parts) => {
    while (Buffer.byteLength(parts.join("")) > 512) parts = parts.slice(1);
    return parts.join("");
  });
