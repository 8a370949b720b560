// Which keys an archive or a snapshot is about, as it says so itself, and as one says that is made of another.

import { AppError, visible } from "../core/errors.ts";
import { compileFilter } from "../core/filter.ts";
import { isJsonObject } from "../core/json.ts";
import type { Json } from "../core/json-value.ts";
import type { IsManaged } from "../replica/with-filter.ts";

export interface FilterRecord {
  readonly prefix: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly excludeDefaults: boolean;
  /** It was made of a .json, which cannot say which keys it has: what is not in it may have been left out. */
  readonly mayLackKeys: boolean;
}

/** `label`: whose filter it is. Throws AppError "repository-refused" for one that this version does not know: what it leaves out cannot
 * be told. */
export function parseFilterRecord(filter: Json, label: string): FilterRecord {
  const {
    prefix = "",
    include = [],
    exclude = [],
    excludeDefaults = false,
    mayLackKeys = false,
    ...others
  } = isJsonObject(filter) ? filter : { unknown: filter };
  const isKnown =
    typeof prefix === "string" && typeof excludeDefaults === "boolean" && typeof mayLackKeys === "boolean";
  if (isKnown && isTexts(include) && isTexts(exclude) && Object.keys(others).length === 0)
    return { prefix, include, exclude, excludeDefaults, mayLackKeys };
  throw new AppError("repository-refused", `the filter of ${visible(label)} is not of a form that this version knows`, {
    hint: "use a newer kvsync",
  });
}

function isTexts(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** What is excluded by default stays so, whatever a pattern says: it was left out before patterns were looked at. */
export function compileFilterRecord({ prefix, include, exclude, excludeDefaults }: FilterRecord): IsManaged {
  const passes = compileFilter({ include, exclude });
  const isNoDefault = compileFilter({ excludeDefaults });
  return (key) => key.startsWith(prefix) && isNoDefault(key) && passes(key);
}

/** The keys that pass both. `label`: whose filter `a` is. Throws AppError "usage" where one filter cannot say that. */
export function combineFilterRecords(a: FilterRecord, b: FilterRecord, label: string): FilterRecord {
  const prefix = a.prefix.startsWith(b.prefix) ? a.prefix : b.prefix;
  if (!prefix.startsWith(a.prefix))
    throw unlike(label, `it has only keys that begin with "${visible(a.prefix)}", and not with "${visible(b.prefix)}"`);
  const include = joinIncludes(a.include, b.include);
  if (include === undefined) throw unlike(label, "it was itself made with other --include patterns");
  const exclude = joinExcludes(a.exclude, b.exclude);
  if (exclude === undefined)
    throw unlike(label, 'it was itself made with --exclude patterns, of which some begin with "!"');
  const excludeDefaults = a.excludeDefaults || b.excludeDefaults;
  return { prefix, include, exclude, excludeDefaults, mayLackKeys: a.mayLackKeys || b.mayLackKeys };
}

function joinIncludes(a: readonly string[], b: readonly string[]): readonly string[] | undefined {
  if (a.length === 0 || isSame(a, b)) return b;
  return b.length === 0 ? a : undefined;
}

/** A pattern that begins with "!" takes back what those before it exclude, so it can only come first. */
function joinExcludes(a: readonly string[], b: readonly string[]): readonly string[] | undefined {
  if (isSame(a, b)) return a;
  if (a.length === 0 || !hasNegated(b)) return [...a, ...b];
  return hasNegated(a) ? undefined : [...b, ...a];
}

function hasNegated(patterns: readonly string[]): boolean {
  return patterns.some((pattern) => pattern.startsWith("!"));
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((pattern, index) => pattern === b[index]);
}

function unlike(label: string, why: string): AppError {
  return new AppError("usage", `the keys that were asked for cannot be told of ${visible(label)}: ${why}`, {
    hint: "leave out --prefix, --include and --exclude, or name the place that it was made of",
  });
}
