// kvsync forget: snapshots that no rule keeps, or that are named, are removed from a repository.

import { type Command, Option } from "commander";
import { REPOSITORY_FORMS } from "../../backup/store/open-store.ts";
import { AppError } from "../../core/errors.ts";
import { parseRetentionRule, RETENTION_NAMES, type RetentionRule } from "../../core/retention-rule.ts";
import { runForget } from "../backup/run-forget.ts";
import type { Start } from "../command-entry.ts";
import { many } from "../input/key-filter.ts";
import { shellWord } from "../../core/shell-word.ts";

interface Options {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly prune?: boolean;
  /** Of --keep-..., in camel case. */
  readonly [keep: `keep${string}`]: readonly string[] | undefined;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<repository>", REPOSITORY_FORMS)
    .argument("[id...]", "Snapshots to forget, as kvsync snapshots shows their ids; instead of rules");
  for (const name of RETENTION_NAMES)
    command.addOption(new Option(`--${name} <${VALUES[name] ?? valueOf(name)}>`, helpOf(name)).argParser(many));
  command
    .option("--dry-run", "Show what would be forgotten, and forget nothing")
    .option("--prune", "Then free what only they needed, as kvsync prune does")
    .option("--force", "With ids: also the last complete snapshot of a source, and one that cannot be read")
    .action((repository: string, ids: string[], options: Options) =>
      start((context) => {
        const rules = parseRules(options);
        if (ids.length > 0 && rules.length > 0) {
          throw new AppError("usage", "forget takes ids or rules, and not both", {
            hint: `type: kvsync forget ${shellWord(repository)} --keep-daily 7`,
          });
        }
        if (ids.length === 0 && rules.length === 0) throw emptyPolicy(repository);
        if (options.force === true && ids.length === 0) {
          throw new AppError(
            "usage",
            "--force goes with the ids of snapshots: rules always keep the last complete one",
          );
        }
        const { dryRun = false, force = false, prune = false } = options;
        return runForget(context, repository, { rules, ids, dryRun, force, prune });
      }),
    );
}

const VALUES: Readonly<Record<string, string>> = { "keep-last": "n", "keep-tag": "tags" };

function valueOf(name: string): string {
  return name.startsWith("keep-within") ? "span" : "n";
}

function helpOf(name: string): string {
  const period = name.replace(/^keep-(?:within-)?/, "");
  if (name === "keep-last") return "Keep the newest n of each source (a number, or unlimited)";
  if (name === "keep-tag") return "Keep those that have this tag; a,b are both; may be repeated";
  if (name === "keep-within")
    return "Keep all that were made within this time of the newest: 2y5m7d3h, where m is a month";
  const newest = `Keep the newest of each ${UNITS[period] ?? period}`;
  return name.startsWith("keep-within-")
    ? `${newest} within this time of the newest`
    : `${newest}, of the last n that have one`;
}

const UNITS: Readonly<Record<string, string>> = {
  hourly: "hour",
  daily: "day",
  weekly: "week",
  monthly: "month",
  yearly: "year",
};

function parseRules(options: Options): readonly RetentionRule[] {
  return RETENTION_NAMES.flatMap((name) => {
    const property = name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase()) as `keep${string}`;
    return (options[property] ?? []).flatMap((text) => {
      const parsed = parseRetentionRule(name, text);
      if (parsed.kind === "fault") throw new AppError("usage", `--${name}: ${parsed.message}`);
      return parsed.value === undefined ? [] : [parsed.value];
    });
  });
}

function emptyPolicy(repository: string): AppError {
  return new AppError("usage", "forget needs rules that keep something, or the ids of snapshots", {
    hint: `type: kvsync forget ${shellWord(repository)} --keep-daily 7 --keep-monthly 12 --dry-run`,
  });
}
