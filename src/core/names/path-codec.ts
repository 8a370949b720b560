// Keys and the paths of their files, one to one: `a/b.json` is `a/b.json` wherever a file system allows it. A key is
// split at "/", each segment becomes a name (name-codec.ts), names over 255 bytes become nested folders
// (name-pieces.ts). No path leads out of the root, whatever the key holds: no name is empty, "." or "..".
//
// Keys are any well-formed text here, also "" and "..", since a mapping's prefix is taken off before.

import type { EpochMs } from "../clock.ts";
import { cutName, isShortName, joinPieces } from "./name-pieces.ts";
import { decodeName, encodeSegment } from "./name-codec.ts";
import type { NameScheme, RelativePath } from "./name-scheme.ts";
import { conflictSuffixOf, META_SUFFIX, MORE_SUFFIX, parseConflictSuffix, VALUE_SUFFIX } from "./reserved-words.ts";

export type DecodedPath =
  /** `suffixed`: kept beside a folder of the same name. */
  | { readonly kind: "value"; readonly key: string; readonly suffixed: boolean }
  | { readonly kind: "sidecar" | "conflict"; readonly key: string }
  | { readonly kind: "temp" }
  | { readonly kind: "invalid"; readonly reason: string };

/** The path of the file that holds the value of `key`, where no folder has that path. */
export function encodeKey(key: string, scheme: NameScheme): RelativePath {
  return encode(key, "", scheme);
}

/** The path of the file that holds the value of `key` where a folder has the path of {@link encodeKey}. */
export function valueSuffixedPath(key: string, scheme: NameScheme): RelativePath {
  return encode(key, VALUE_SUFFIX, scheme);
}

/** The path of the file that holds metadata and expiration of `key`. */
export function sidecarPath(key: string, scheme: NameScheme): RelativePath {
  return encode(key, META_SUFFIX, scheme);
}

/** The path of a conflict copy of `key`; `number` (1 to 999999) tells copies of one second apart. */
export function conflictPath(
  key: string,
  scheme: NameScheme,
  copy: { readonly at: EpochMs; readonly number: number },
): RelativePath {
  return encode(key, conflictSuffixOf(copy.at, copy.number), scheme);
}

/** The path of a conflict copy's own sidecar. */
export function conflictSidecarPath(
  key: string,
  scheme: NameScheme,
  copy: { readonly at: EpochMs; readonly number: number },
): RelativePath {
  return encode(key, conflictSuffixOf(copy.at, copy.number) + META_SUFFIX, scheme);
}

/** What the conflict copy at `path` is of, and when it was made; undefined: it is none, or the sidecar of one. */
export function decodeConflictPath(
  path: string,
  scheme: NameScheme,
): { readonly key: string; readonly at: EpochMs; readonly number: number } | undefined {
  const decoded = decodePath(path, scheme);
  if (decoded.kind !== "conflict") return undefined;
  // A long name is cut into nested folders.
  const copy = parseConflictSuffix(path.replaceAll(`${MORE_SUFFIX}/`, ""));
  if (copy === undefined || conflictPath(decoded.key, scheme, copy) !== path) return undefined;
  return { key: decoded.key, ...copy };
}

/** What the file at `path` is to kvsync. */
export function decodePath(path: string, scheme: NameScheme): DecodedPath {
  if (scheme === "posix" && isPlain(path) && isShortName(path)) return { kind: "value", key: path, suffixed: false };
  if (EMPTY_OR_DOTS.test(path) || path.includes("\0")) return { kind: "invalid", reason: "is no relative path" };
  return decodeNames(path.split("/"), scheme);
}

function decodeNames(names: readonly string[], scheme: NameScheme): DecodedPath {
  let key = "";
  let pieces: string[] = [];
  for (const [i, name] of names.entries()) {
    const isLast = i === names.length - 1;
    pieces.push(name);
    if (!isLast && name.endsWith(MORE_SUFFIX)) continue;
    const decoded = decodePieces(pieces, scheme);
    pieces = [];
    if (decoded.kind === "invalid") return decoded;
    if (isLast) {
      if (decoded.kind === "temp") return decoded;
      const whole = key + decoded.segment;
      if (decoded.kind === "sidecar" || decoded.kind === "conflict") return { kind: decoded.kind, key: whole };
      return { kind: "value", key: whole, suffixed: decoded.kind === "value" };
    }
    if (decoded.kind !== "segment")
      return { kind: "invalid", reason: `has a folder ${name}, which is a reserved name` };
    key += `${decoded.segment}/`;
  }
  return { kind: "invalid", reason: "is no relative path" };
}

/** What nested folders and the name inside them, or a single name, stand for together. A temporary file is one wherever
 * it lies. */
export function decodePieces(pieces: readonly string[], scheme: NameScheme): ReturnType<typeof decodeName> {
  const last = pieces.at(-1) ?? "";
  const alone = decodeName(last, scheme);
  if (alone.kind === "temp" || (pieces.length === 1 && isShortName(last))) return alone;
  const name = joinPieces(pieces, scheme);
  if (name === undefined)
    return { kind: "invalid", reason: `is not cut as kvsync cuts long names (folders in ${MORE_SUFFIX} are its own)` };
  const decoded = decodeName(name, scheme);
  if (decoded.kind === "temp") return { kind: "invalid", reason: "is a reserved name" };
  return decoded;
}

function encode(key: string, suffix: string, scheme: NameScheme): RelativePath {
  if (suffix === "" && scheme === "posix" && isPlain(key) && isShortName(key)) return key as RelativePath;
  const segments = key.split("/");
  const last = segments.length - 1;
  return segments
    .flatMap((segment, i) => cutName(encodeSegment(segment, scheme) + (i === last ? suffix : ""), scheme))
    .join("/") as RelativePath;
}

const EMPTY_OR_DOTS = /(?:^|\/)\.{0,2}(?:\/|$)/;
// oxlint-disable-next-line no-control-regex -- NUL is what this looks for
const PERCENT_OR_NUL = /[%\0]/;

/** Whether each segment of `text` is its own name in the scheme "posix", but for its length. */
function isPlain(text: string): boolean {
  return !PERCENT_OR_NUL.test(text) && !EMPTY_OR_DOTS.test(text);
}
