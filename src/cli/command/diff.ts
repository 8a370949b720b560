// kvsync diff: what differs, and which way it would go. Of mappings as their mode says, or of any two locations.

import type { Command } from "commander";
import type { MappingConfig } from "../../config/config.ts";
import type { Start } from "../command-entry.ts";
import { ALL_LINES } from "../define-round.ts";
import { isLocation } from "../location.ts";
import { runCopy } from "../run-copy.ts";
import { runMappings } from "../run-mappings.ts";

interface Options {
  readonly all?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Mappings of the config, all if none is named; or two locations")
    .option("--all", ALL_LINES)
    .action((names: string[], { all = false }: Options) =>
      start((context) => {
        const [source, destination, ...more] = names;
        if (source !== undefined && destination !== undefined && more.length === 0 && names.some(isLocation)) {
          return runCopy(context, source, destination, {
            command: "diff",
            mirror: true,
            dryRun: true,
            force: false,
            values: false,
            excludeDefaults: true,
            all,
            failEmpty: false,
          });
        }
        const run = { modeOf: ({ mode }: MappingConfig) => mode, dryRun: true, force: false, all };
        return runMappings(context, names, { command: "diff", ...run });
      }),
    );
}
