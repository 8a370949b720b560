// kvsync diff: what differs, and which way it would go. Of mappings as their mode says, or of any two locations.

import type { Command } from "commander";
import type { Start } from "../command-entry.ts";
import { isLocation } from "../location.ts";
import { runCopy } from "../run-copy.ts";
import { runMappings } from "../run-mappings.ts";

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Mappings of the config, all if none is named; or two locations")
    .action((names: string[]) =>
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
          });
        }
        return runMappings(context, names, { command: "diff", modeOf: ({ mode }) => mode, dryRun: true, force: false });
      }),
    );
}
