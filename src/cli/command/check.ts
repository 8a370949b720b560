// kvsync check: whether two locations hold the same. Reads stamps, or with --values every value.

import type { Command } from "commander";
import type { Start } from "../command-entry.ts";
import { addKeyFilterOptions, type KeyFilterOptions, parseKeyFilter } from "../input/key-filter.ts";
import { ALL_LINES } from "../round/define-round.ts";
import { LOCATION_FORMS } from "../../mapping/location.ts";
import { runCopy } from "../round/run-copy.ts";

interface Options extends KeyFilterOptions {
  readonly all?: boolean;
  readonly excludeDefaults: boolean;
  readonly failEmpty: boolean;
  readonly values?: boolean;
}

export function define(command: Command, start: Start): void {
  addKeyFilterOptions(command)
    .argument("<source>", LOCATION_FORMS)
    .argument("<destination>", "Likewise")
    .option("--values", "Read and compare the values themselves, whatever their stamps say")
    .option("--all", ALL_LINES)
    .option("--no-exclude-defaults", "Compare also .git, .env, node_modules/ and editors' files")
    .option("--no-fail-empty", "An empty source is no failure (else exit code 1)")
    .action((source: string, destination: string, options: Options) => {
      const { all = false, values = false, excludeDefaults, failEmpty } = options;
      const check = { mirror: true, dryRun: true, force: false, values, excludeDefaults, all, failEmpty };
      return start((context) => {
        const { isManaged, words: again } = parseKeyFilter(options);
        return runCopy(context, source, destination, { command: "check", ...check, isManaged, again });
      });
    });
}
