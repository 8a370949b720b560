// `--prefix`, `--include` and `--exclude`: which keys a command is about.

import { type Command, Option } from "commander";
import { compileFilter } from "../../core/filter.ts";
import type { Json } from "../../core/json-value.ts";
import type { IsManaged } from "../../replica/with-filter.ts";
import { shellWord } from "../render/render-held.ts";

export interface KeyFilterOptions {
  readonly prefix?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

export interface GivenFilter {
  /** Undefined: all keys. */
  readonly isManaged: IsManaged | undefined;
  /** As it was given; null: not at all. */
  readonly record: { readonly [name: string]: Json } | null;
  /** The options, to be typed again. */
  readonly words: readonly string[];
}

/** Collects an option that may be repeated. */
export const many = (pattern: string, before: readonly string[] = []): readonly string[] => [...before, pattern];

export function addKeyFilterOptions(command: Command): Command {
  return command
    .option("--prefix <prefix>", "Only keys that begin with exactly this: app is also apple")
    .addOption(
      new Option("--include <pattern>", "Only keys that match, as in .gitignore; may be repeated").argParser(many),
    )
    .addOption(
      new Option("--exclude <pattern>", "No keys that match, as in .gitignore; may be repeated").argParser(many),
    );
}

/** Throws AppError `config-invalid` for a pattern that could never match. */
export function parseKeyFilter({ prefix = "", include, exclude }: KeyFilterOptions): GivenFilter {
  if (prefix === "" && include === undefined && exclude === undefined)
    return { isManaged: undefined, record: null, words: [] };
  const passes = compileFilter({ include, exclude });
  const words = prefix === "" ? [] : ["--prefix", shellWord(prefix)];
  for (const pattern of include ?? []) words.push("--include", shellWord(pattern));
  for (const pattern of exclude ?? []) words.push("--exclude", shellWord(pattern));
  return {
    isManaged: (key) => key.startsWith(prefix) && passes(key),
    record: { prefix, include: include ?? [], exclude: exclude ?? [] },
    words,
  };
}
