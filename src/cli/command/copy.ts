// kvsync copy: from any location to any other. Adds and overwrites; with --delete the destination becomes a mirror.

import type { Command } from "commander";
import type { Start } from "../command-entry.ts";
import { ALL_LINES } from "../round/define-round.ts";
import { LOCATION_FORMS } from "../../mapping/location.ts";
import { runCopy } from "../round/run-copy.ts";

interface Options {
  readonly all?: boolean;
  readonly delete?: boolean;
  readonly dryRun?: boolean;
  readonly excludeDefaults: boolean;
  readonly failEmpty: boolean;
  readonly force?: boolean;
  readonly trustStamps?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<source>", LOCATION_FORMS)
    .argument("<destination>", "Likewise")
    .option("--delete", "Remove from the destination what the source has not")
    .option("--dry-run", "Show what would be done, and do nothing")
    .option("--all", ALL_LINES)
    .option(
      "--no-exclude-defaults",
      "Copy also .git, .env, node_modules/ and editors' files (config.example.yaml lists them)",
    )
    .option("--no-fail-empty", "An empty source is no failure (else exit code 1)")
    .option("--force", "Do it even where a guard would hold it")
    .option("--trust-stamps", "Do not read what is overwritten or removed at a namespace first: its stamps are right")
    .action((source: string, destination: string, options: Options) => {
      const { delete: mirror = false, dryRun = false, force = false, trustStamps = false } = options;
      const { all = false, excludeDefaults, failEmpty } = options;
      const copy = { mirror, dryRun, force, values: false, trustStamps, excludeDefaults, all, failEmpty };
      return start((context) => runCopy(context, source, destination, { command: "copy", ...copy }));
    });
}
