// One segment of a key, and the name of the file or folder it becomes. Pure, and one to one in both directions.

import { ESCAPE_RULES, PLAIN_NAME } from "./escape-rules.ts";
import type { NameScheme } from "./name-scheme.ts";
import { escapeWord, isConflictSuffix, META_SUFFIX, splitWord, unescapeWord, VALUE_SUFFIX } from "./reserved-words.ts";
import { isTempName } from "./temp-name.ts";

/** What a name stands for. `segment`: a value's file or a folder; `value`: the value of a key that is also a folder. */
export type DecodedName =
  | { readonly kind: "segment" | "value" | "sidecar" | "conflict"; readonly segment: string }
  | { readonly kind: "temp" }
  | { readonly kind: "invalid"; readonly reason: string };

/** The name, of any length, that `segment` (any well-formed text without "/") is kept under. */
export function encodeSegment(segment: string, scheme: NameScheme): string {
  if (PLAIN_NAME[scheme].test(segment)) return segment;
  let name = segment;
  for (const rule of ESCAPE_RULES[scheme]) name = rule.encode(name);
  return escapeWord(name, scheme);
}

/** What `name`, of any length, stands for. */
export function decodeName(name: string, scheme: NameScheme): DecodedName {
  if (PLAIN_NAME[scheme].test(name)) return { kind: "segment", segment: name };
  const reserved = splitWord(name, scheme);
  if (reserved === undefined) return decodeAs("segment", name, scheme);
  const { base, word } = reserved;
  if (base === "" && isTempName(word)) return { kind: "temp" };
  if (word === VALUE_SUFFIX) return decodeAs("value", base, scheme);
  if (isConflictSuffix(word)) return decodeAs("conflict", base, scheme);
  if (word !== META_SUFFIX) return invalid(`ends in ${word}, which is reserved`);
  // A conflict copy may have a sidecar of its own.
  const copy = splitWord(base, scheme);
  if (copy !== undefined && isConflictSuffix(copy.word)) return decodeAs("conflict", copy.base, scheme);
  return decodeAs("sidecar", base, scheme);
}

function decodeAs(kind: "segment" | "value" | "sidecar" | "conflict", name: string, scheme: NameScheme): DecodedName {
  if (name === "") return invalid("is a reserved suffix without a name before it");
  if (splitWord(name, scheme) !== undefined) return invalid("ends in two reserved suffixes");
  let segment = unescapeWord(name, scheme);
  for (const rule of ESCAPE_RULES[scheme].toReversed()) {
    const decoded = rule.decode(segment);
    if (decoded === undefined) return invalid('holds what "names: portable" escapes');
    segment = decoded;
  }
  return { kind, segment };
}

function invalid(reason: string): DecodedName {
  return { kind: "invalid", reason };
}
