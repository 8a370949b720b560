// Keys of Workers KV: what a legal key is, and the one order that everything here relies on.
//
// [I1] Every listing, journal scan and walk is in UTF-8 byte order. JavaScript's own string order is UTF-16 and
// differs where a surrogate meets U+E000-U+FFFF: a merge-join in the wrong order would delete keys.

import { KEY_BYTES_MAX } from "./limits.ts";

declare const keyBrand: unique symbol;

/** A legal KV key: 1 to 512 bytes of UTF-8, none of `.` and `..`, no lone surrogate. Made by {@link parseKey} only. */
export type Key = string & { readonly [keyBrand]: true };

export type KeyFault = "empty" | "dot" | "too-long" | "lone-surrogate";

/** Why `text` is no legal key, or undefined if it is one. `.` and `..` are refused since URL parsers collapse them
 * and a key's DELETE would become a namespace's DELETE. */
export function keyFault(text: string): KeyFault | undefined {
  if (text.length === 0) return "empty";
  if (text === "." || text === "..") return "dot";
  if (text.length * 3 > KEY_BYTES_MAX && Buffer.byteLength(text) > KEY_BYTES_MAX) return "too-long";
  if (!text.isWellFormed()) return "lone-surrogate";
  return undefined;
}

/** For people: `".." is no key: the API cannot address keys named . and ..`. */
export const KEY_FAULTS: Readonly<Record<KeyFault, string>> = {
  empty: "it is empty",
  dot: "the API cannot address keys named . and ..",
  "too-long": `it has more than ${KEY_BYTES_MAX} bytes`,
  "lone-surrogate": "it is not valid Unicode",
};

/** `text` as a key, or undefined if it is not legal; {@link keyFault} tells why. */
export function parseKey(text: string): Key | undefined {
  return keyFault(text) === undefined ? (text as Key) : undefined;
}

/** Negative, zero or positive: the order of `a` and `b` by their UTF-8 bytes, without encoding either. */
export function compareUtf8(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codeUnitRank(x) - codeUnitRank(y);
  }
  return a.length - b.length;
}

/** Code units ranked as the first UTF-8 byte of what they belong to would be: surrogates (4 bytes) above all others. */
function codeUnitRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
