// Filters: which keys a mapping manages, in gitignore syntax over keys. A key that does not pass is neither written,
// deleted nor listed as different.
//
// A list of patterns matches exactly what git would ignore by it: the last pattern that matches decides, and what lies
// in a folder that is matched is matched, whatever later patterns say. `include` and `exclude` are such lists: a key
// passes if the first (where there is one) matches it and the second does not.

import { DEFAULT_EXCLUDES, mayBeExcludedByDefault } from "./default-excludes.ts";
import { AppError, visible } from "./errors.ts";
import { parsePattern, type Pattern } from "./filter-pattern.ts";
import { isHeldForLinks, type SymlinkPolicy } from "./symlink-policy.ts";

export interface FilterLists {
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  /** Whether `exclude` is in addition to {@link DEFAULT_EXCLUDES}, the last pattern that matches deciding. Default: false. */
  readonly excludeDefaults?: boolean | undefined;
  /** Unless "skip", names that begin with ".." pass in no case. Default: skip. */
  readonly symlinks?: SymlinkPolicy | undefined;
}

export interface KeyFilter {
  /** Whether the filter lets `key` pass. */
  (key: string): boolean;
  /** Whether any key that begins with `folder`, which is "" or ends in "/", could pass. */
  readonly mayContain: (folder: string) => boolean;
}

/** Throws AppError `config-invalid` for a pattern that could never match. */
export function compileFilter({
  include = [],
  exclude = [],
  excludeDefaults = false,
  symlinks = "skip",
}: FilterLists): KeyFilter {
  const included = compileList(include);
  const own = compileList(exclude);
  const whole = excludeDefaults ? compileList([...DEFAULT_EXCLUDES, ...exclude]) : own;
  const excludedFor = (key: string): PatternList | undefined => (mayBeExcludedByDefault(key) ? whole : own);
  if (included?.patterns.every((pattern) => pattern.negated) === true) {
    throw new AppError("config-invalid", 'all patterns of "include" begin with "!", so that no key passes', {
      hint: 'put them under "exclude", without the "!"',
    });
  }
  const isHidden = symlinks === "skip" ? () => false : isHeldForLinks;
  const passes = (key: string): boolean =>
    !isHidden(key) && included?.matches(key) !== false && excludedFor(key)?.matches(key) !== true;
  const mayContain = (folder: string): boolean =>
    !isHidden(folder) &&
    excludedFor(folder)?.matchesFolder(folder) !== true &&
    (included === undefined || included.matchesFolder(folder) || included.mayMatchBelow(folder));
  return Object.assign(passes, { mayContain });
}

/** A rule's `match`: one pattern, which matches a key or any folder it is in. Throws AppError `config-invalid` for a
 * pattern that could never match. */
export function compileMatcher(pattern: string): (key: string) => boolean {
  if (pattern.startsWith("!")) {
    throw new AppError("config-invalid", `the pattern "${visible(pattern)}" begins with "!", but is not in a list`, {
      hint: "write \\! for a plain !",
    });
  }
  const list = compileList([pattern]);
  if (list === undefined) {
    throw new AppError("config-invalid", `the pattern "${visible(pattern)}" is empty or a comment`, {
      hint: "write \\# for a plain #",
    });
  }
  return list.matches;
}

interface PatternList {
  readonly patterns: readonly Pattern[];
  readonly matches: (key: string) => boolean;
  readonly matchesFolder: (folder: string) => boolean;
  readonly mayMatchBelow: (folder: string) => boolean;
}

/** Undefined if there are no patterns in `lines`. */
function compileList(lines: readonly string[]): PatternList | undefined {
  const patterns = lines.map(parsePattern).filter((pattern) => pattern !== undefined);
  if (patterns.length === 0) return undefined;
  const latest = patterns.toReversed();
  const decide = (segments: readonly string[], isFolder: boolean): boolean =>
    latest.find((pattern) => pattern.matches(segments, isFolder))?.negated === false;

  // Keys come in order, so that the folder of the last one is mostly that of the next.
  let lastFolder = "";
  let lastMatches = false;
  const matchesFolder = (folder: string): boolean => {
    if (folder === lastFolder) return lastMatches;
    const segments = folder.split("/").slice(0, -1);
    lastMatches = segments.some((_, i) => decide(segments.slice(0, i + 1), true));
    lastFolder = folder;
    return lastMatches;
  };
  return {
    patterns,
    matches: (key) => matchesFolder(key.slice(0, key.lastIndexOf("/") + 1)) || decide(key.split("/"), false),
    matchesFolder,
    mayMatchBelow: (folder) => {
      const segments = folder.split("/").slice(0, -1);
      return patterns.some((pattern) => !pattern.negated && pattern.mayMatchBelow(segments));
    },
  };
}
