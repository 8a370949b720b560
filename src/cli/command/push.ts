// kvsync push: the files of mappings to their namespaces, one round.

import type { Command } from "commander";
import type { Start } from "../command-entry.ts";
import { runMappings } from "../run-mappings.ts";

interface Options {
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Mappings of the config; all if none is named")
    .option("-n, --dry-run", "Show what would be done, and do nothing")
    .option("--force", "Do it even where a guard would hold it (max_delete, an empty folder)")
    .action((names: string[], { dryRun = false, force = false }: Options) =>
      start((context) => runMappings(context, names, { command: "push", direction: () => "push", dryRun, force })),
    );
}
