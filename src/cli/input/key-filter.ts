// `--prefix`, `--include` and `--exclude`: which keys a command is about.

import { type Command, Option } from "commander";
import { type BackupFilter, compileBackupFilter } from "../../backups/backup-filter.ts";
import { shellWord } from "../../core/shell-word.ts";
import { parseTyped } from "./typed-pattern.ts";

export interface KeyFilterOptions {
  readonly prefix?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

export interface GivenFilter extends BackupFilter {
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

/** Throws AppError "usage" for a pattern that could never match. */
export function parseKeyFilter({ prefix = "", include, exclude }: KeyFilterOptions): GivenFilter {
  const words = prefix === "" ? [] : ["--prefix", shellWord(prefix)];
  for (const pattern of include ?? []) words.push("--include", shellWord(pattern));
  for (const pattern of exclude ?? []) words.push("--exclude", shellWord(pattern));
  return { ...parseTyped(() => compileBackupFilter({ prefix, include, exclude })), words };
}
