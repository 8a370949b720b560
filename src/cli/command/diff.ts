// kvsync diff: what differs, and which way it would go. Of mappings as their mode says, or of any two locations.

import { type Command, Option } from "commander";
import type { MappingConfig } from "../../config/config.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { Start } from "../command-entry.ts";
import { ALL_LINES } from "../round/define-round.ts";
import { isLocation } from "../../mapping/location.ts";
import { diffLocationValues, diffMappingValues } from "../round/diff-values.ts";
import { parseKeyArgument } from "../input/key-argument.ts";
import { runCopy } from "../round/run-copy.ts";
import { runMappings } from "../round/run-mappings.ts";
import type { ContentOptions } from "../render/show-contents.ts";

interface Options {
  readonly all?: boolean;
  readonly content?: boolean;
  /** As it was typed. */
  readonly limit?: string;
  /** Keys. */
  readonly values?: readonly string[];
}

/** Keys whose values are shown unless more are asked for: they may take a request for each hundred, or for each of them. */
const CONTENTS_MAX = 100;

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Mappings of the config, all if none is named; or two locations")
    .option("--all", ALL_LINES)
    .option("--content", "Show how the values differ: text line by line, else sizes and hashes")
    .option("--limit <n>", `With --content: show the values of this many keys (${CONTENTS_MAX} unless given)`)
    .addOption(
      new Option("--values <key>", "Show how the values of this key differ, and nothing else; may be repeated")
        .argParser((key, keys: readonly string[] | undefined) => [...(keys ?? []), key])
        .conflicts(["content", "limit", "all"]),
    )
    .action((names: string[], { all = false, ...options }: Options) =>
      start((context) => {
        const content = contentOf(options);
        const [source, destination, ...more] = names;
        const isPair = source !== undefined && destination !== undefined && more.length === 0;
        if (options.values !== undefined) {
          const keys = [...new Set(options.values)].map(parseKeyArgument);
          if (isPair && names.some(isLocation)) return diffLocationValues(context, { source, destination }, keys);
          return diffMappingValues(context, names, keys);
        }
        if (isPair && names.some(isLocation)) {
          return runCopy(context, source, destination, {
            command: "diff",
            mirror: true,
            dryRun: true,
            force: false,
            values: false,
            excludeDefaults: true,
            all,
            failEmpty: false,
            content,
          });
        }
        const run = { modeOf: ({ mode }: MappingConfig) => mode, dryRun: true, force: false, all, content };
        return runMappings(context, names, { command: "diff", ...run });
      }),
    );
}

function contentOf({ content = false, limit }: Options): ContentOptions | undefined {
  if (limit === undefined) return content ? { limit: CONTENTS_MAX } : undefined;
  if (!content) throw new AppError("usage", "--limit goes with --content", { hint: "type: kvsync diff --content" });
  if (!/^[1-9]\d{0,8}$/.test(limit))
    throw new AppError("usage", `--limit: "${visible(limit)}" is no number of keys`, { hint: "write --limit 500" });
  return { limit: Number(limit) };
}
