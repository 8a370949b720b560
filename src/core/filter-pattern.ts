// One line of gitignore syntax, as a matcher over keys. Hand-written, since glob libraries are made for paths: they
// refuse or throw on keys with ".." segments, a leading "/" or a newline. Nothing backtracks further than the last
// star, so that no pattern can make a match take long.
//
// A key is split at "/"; "folder" means any text before a "/" in a key.

import { AppError, visible } from "./errors.ts";

export interface Pattern {
  /** It began with "!": what it matches is not matched after all. */
  readonly negated: boolean;
  /** Whether it matches the key or folder with these segments. */
  matches(segments: readonly string[], isFolder: boolean): boolean;
  /** Whether it could match anything below the folder with these segments. */
  mayMatchBelow(folder: readonly string[]): boolean;
}

type SegmentMatcher = (segment: string) => boolean;
/** "**" as a whole segment: any number of segments. */
const ANY_DEPTH = "**";
type SegmentPattern = SegmentMatcher | typeof ANY_DEPTH;

type Token = "*" | ((codePoint: number) => boolean) | { readonly literal: number };

/** Undefined for a blank line or a comment. Throws AppError `config-invalid` for a pattern that could never match: an
 * open "[" or a lone "\" at the end. */
export function parsePattern(line: string): Pattern | undefined {
  let text = withoutTrailingSpaces(line);
  if (text === "" || text.startsWith("#")) return undefined;
  const negated = text.startsWith("!");
  if (negated) text = text.slice(1);
  const isFolderOnly = text.endsWith("/");
  if (isFolderOnly) text = text.slice(0, -1);
  const isAnchored = text.includes("/");
  if (text.startsWith("/")) text = text.slice(1);
  const parts = parseTokens(text, line);
  if (!isAnchored) {
    const matchesName = segmentMatcher(parts[0] ?? []);
    return {
      negated,
      matches: (segments, isFolder) => (isFolder || !isFolderOnly) && matchesName(segments.at(-1) ?? ""),
      mayMatchBelow: () => true,
    };
  }
  const path = parts.map((tokens) => (isAnyDepth(tokens) ? ANY_DEPTH : segmentMatcher(tokens)));
  return {
    negated,
    matches: (segments, isFolder) => (isFolder || !isFolderOnly) && matchesPath(path, segments),
    mayMatchBelow: (folder) => mayMatchBelow(path, folder),
  };
}

/** Spaces at the end count only where a "\\" that is not itself escaped stands before one. */
function withoutTrailingSpaces(line: string): string {
  let end = 0;
  for (let i = 0; i < line.length; i++) {
    if (line[i] === "\\") end = ++i + 1;
    else if (line[i] !== " ") end = i + 1;
  }
  return line.slice(0, end);
}

/** More than two stars are the same to git. */
function isAnyDepth(tokens: readonly Token[]): boolean {
  return tokens.length >= 2 && tokens.every((token) => token === "*");
}

function matchesPath(pattern: readonly SegmentPattern[], segments: readonly string[]): boolean {
  // A final "**" stands for all that is inside, which is at least one segment.
  const isOpen = pattern.at(-1) === ANY_DEPTH;
  const length = isOpen ? pattern.length - 1 : pattern.length;
  let at = 0;
  let star = -1;
  let starAt = 0;
  for (let i = 0; i < segments.length;) {
    if (isOpen && at === length) return true;
    const part = at < length ? pattern[at] : undefined;
    if (part === ANY_DEPTH) {
      star = at++;
      starAt = i;
    } else if (part?.(segments[i] ?? "") === true) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++starAt;
    } else return false;
  }
  while (at < length && pattern[at] === ANY_DEPTH) at++;
  return !isOpen && at === length;
}

function mayMatchBelow(pattern: readonly SegmentPattern[], folder: readonly string[]): boolean {
  for (const [i, segment] of folder.entries()) {
    const part = pattern[i];
    // Beyond the pattern's end lies what it matched as a folder.
    if (part === undefined || part === ANY_DEPTH) return true;
    if (!part(segment)) return false;
  }
  return true;
}

/** The matcher of one segment, with the common shapes (a name, `*.json`, `tmp*`) made fast. */
function segmentMatcher(tokens: readonly Token[]): SegmentMatcher {
  const isOpenAtStart = tokens[0] === "*";
  const isOpenAtEnd = tokens.length > 1 && tokens.at(-1) === "*";
  const literal = literalOf(tokens.slice(isOpenAtStart ? 1 : 0, isOpenAtEnd ? -1 : undefined));
  if (literal === undefined) return (segment) => matchesTokens(tokens, segment);
  if (isOpenAtStart && isOpenAtEnd) return (segment) => segment.includes(literal);
  if (isOpenAtStart) return (segment) => segment.endsWith(literal);
  if (isOpenAtEnd) return (segment) => segment.startsWith(literal);
  return (segment) => segment === literal;
}

function literalOf(tokens: readonly Token[]): string | undefined {
  let literal = "";
  for (const token of tokens) {
    if (typeof token !== "object") return undefined;
    literal += String.fromCodePoint(token.literal);
  }
  return literal;
}

/** Goes back to the last star only: at most tokens x characters steps. */
function matchesTokens(tokens: readonly Token[], text: string): boolean {
  let at = 0;
  let star = -1;
  let starAt = 0;
  for (let i = 0; i < text.length;) {
    const code = text.codePointAt(i) ?? 0;
    const token = tokens[at];
    if (token === "*") {
      star = at++;
      starAt = i;
    } else if (token !== undefined && (typeof token === "object" ? token.literal === code : token(code))) {
      at++;
      i += code > 0xffff ? 2 : 1;
    } else if (star >= 0) {
      at = star + 1;
      starAt += (text.codePointAt(starAt) ?? 0) > 0xffff ? 2 : 1;
      i = starAt;
    } else return false;
  }
  while (tokens[at] === "*") at++;
  return at === tokens.length;
}

/** The tokens of each segment of a pattern. */
function parseTokens(text: string, line: string): Token[][] {
  const chars = Array.from(text);
  const segments: Token[][] = [[]];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] ?? "";
    const segment = segments.at(-1) ?? [];
    if (char === "/") segments.push([]);
    else if (char === "*") segment.push("*");
    else if (char === "?") segment.push(() => true);
    else if (char === "[") {
      const { matches, end } = parseClass(chars, i + 1, line);
      segment.push(matches);
      i = end;
    } else if (char === "\\") {
      const next = chars[++i];
      if (next === undefined)
        throw invalidPattern(line, "ends in a \\ that escapes nothing", "write \\\\ for a plain \\");
      if (next === "/") segments.push([]);
      else segment.push({ literal: codeOf(next) });
    } else segment.push({ literal: codeOf(char) });
  }
  return segments;
}

const POSIX_CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /^[0-9A-Za-z]$/,
  alpha: /^[A-Za-z]$/,
  blank: /^[ \t]$/,
  // oxlint-disable-next-line no-control-regex -- control characters are what [:cntrl:] is about
  cntrl: /^[\u0000-\u001f\u007f]$/,
  digit: /^[0-9]$/,
  graph: /^[!-~]$/,
  lower: /^[a-z]$/,
  print: /^[ -~]$/,
  punct: /^[!-/:-@[-`{-~]$/,
  space: /^[ \t-\r]$/,
  upper: /^[A-Z]$/,
  xdigit: /^[0-9A-Fa-f]$/,
};

/** Reads `[...]` from after its "[" up to its "]", as git does: "!" or "^" negates, a "]" that comes first is itself,
 * and so is a "-" that comes first or last. */
function parseClass(
  chars: readonly string[],
  start: number,
  line: string,
): { readonly matches: (code: number) => boolean; readonly end: number } {
  const ranges: [first: number, last: number][] = [];
  const classes: RegExp[] = [];
  const isNegated = chars[start] === "!" || chars[start] === "^";
  const first = isNegated ? start + 1 : start;
  let i = first;
  let previous: number | undefined;
  const take = (): number => {
    if (chars[i] === "\\") i++;
    const char = chars[i++];
    if (char === undefined) throw invalidPattern(line, 'has a "[" without a "]"', "write \\[ for a plain [");
    return codeOf(char);
  };
  while (i === first || chars[i] !== "]") {
    const named = chars[i] === "[" && chars[i + 1] === ":" ? readClassName(chars, i + 2) : undefined;
    if (named !== undefined) {
      const known = Object.hasOwn(POSIX_CLASSES, named.name) ? POSIX_CLASSES[named.name] : undefined;
      if (known === undefined) throw invalidPattern(line, `has an unknown class [:${named.name}:]`, CLASSES_HINT);
      classes.push(known);
      i = named.end;
      previous = undefined;
    } else if (chars[i] === "-" && previous !== undefined && chars[i + 1] !== undefined && chars[i + 1] !== "]") {
      i++;
      ranges.push([previous, take()]);
      previous = undefined;
    } else {
      previous = take();
      ranges.push([previous, previous]);
    }
  }
  const isIn = (code: number): boolean =>
    ranges.some(([from, to]) => code >= from && code <= to) ||
    classes.some((known) => known.test(String.fromCodePoint(code)));
  return { matches: (code) => isIn(code) !== isNegated, end: i };
}

const CLASSES_HINT = `known are ${Object.keys(POSIX_CLASSES).join(", ")}`;

/** The name in `[:name:]`, and where it ends; undefined if the next "]" does not follow a ":". */
function readClassName(chars: readonly string[], start: number): { name: string; end: number } | undefined {
  const close = chars.indexOf("]", start);
  if (close <= start || chars[close - 1] !== ":") return undefined;
  return { name: chars.slice(start, close - 1).join(""), end: close + 1 };
}

function codeOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}

function invalidPattern(line: string, message: string, hint: string): AppError {
  return new AppError("config-invalid", `the pattern "${visible(line)}" ${message}`, { hint });
}
