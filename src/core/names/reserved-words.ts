// The words that end the names of kvsync's own files: `a%meta` is the sidecar of key `a`. A segment that ends in one
// gets a `25` (see escape-rules.ts): key `a%meta` lives in the file `a%25meta`.

import type { EpochMs } from "../clock.ts";
import type { NameScheme } from "./name-scheme.ts";

/** The value of key `a` when `a` is a folder. */
export const VALUE_SUFFIX = "%value";
/** Metadata and expiration of a key. */
export const META_SUFFIX = "%meta";
/** A folder whose name goes on inside it (name-pieces.ts). */
export const MORE_SUFFIX = "%+";
/** How the name of a file begins that is being written (temp-name.ts). */
export const TEMP_PREFIX = "%tmp-";

const CONFLICT = "conflict-[0-9]{8}T[0-9]{6}Z-[1-9][0-9]{0,5}";
const WORD = `(?:value|meta|\\+|tmp-[0-9a-z]+|${CONFLICT})$`;

// In a portable name the words are ours in any case: where case does not count, `a%META` is the file `a%meta`.
const flags = { posix: "", portable: "i" } as const;
const perScheme = (source: string): Readonly<Record<NameScheme, RegExp>> => ({
  posix: new RegExp(source, flags.posix),
  portable: new RegExp(source, flags.portable),
});
const escapable = perScheme(`%(?=(?:25)*${WORD})`);
const escaped = perScheme(`%25(?=(?:25)*${WORD})`);
const reserved = perScheme(`%${WORD}`);

/** `name` so that it ends in no reserved word. */
export function escapeWord(name: string, scheme: NameScheme): string {
  return name.replace(escapable[scheme], "%25");
}

/** The inverse of {@link escapeWord}, for names that end in no reserved word. */
export function unescapeWord(name: string, scheme: NameScheme): string {
  return name.replace(escaped[scheme], "%");
}

/** `name` cut in two before the reserved word it ends in, with its `%`; undefined if it ends in none. */
export function splitWord(
  name: string,
  scheme: NameScheme,
): { readonly base: string; readonly word: string } | undefined {
  const at = name.search(reserved[scheme]);
  return at < 0 ? undefined : { base: name.slice(0, at), word: name.slice(at) };
}

const conflictSuffix = new RegExp(`^%${CONFLICT}$`);

export function isConflictSuffix(word: string): boolean {
  return conflictSuffix.test(word);
}

const conflictSuffixParts = /%conflict-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-([1-9]\d{0,5})$/;

/** When a conflict copy was made, and its number, from the end of its name; undefined: it has not the form of one. */
export function parseConflictSuffix(name: string): { readonly at: EpochMs; readonly number: number } | undefined {
  const parts = conflictSuffixParts.exec(name);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, number] = parts;
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(at) ? undefined : { at: at as EpochMs, number: Number(number) };
}

/** The suffix of a conflict copy: `%conflict-20261123T101112Z-1`. `number` (1 to 999999) tells copies of one second apart. */
export function conflictSuffixOf(at: EpochMs, number: number): string {
  const stamp = new Date(at).toISOString().replace(/\.\d+/, "").replaceAll(/[-:]/g, "");
  return `%conflict-${stamp}-${number}`;
}
