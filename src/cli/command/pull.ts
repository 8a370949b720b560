// kvsync pull: the namespaces of mappings to their folders, one round. Files that are replaced or removed go to the trash.

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
    .option("--force", "Do it even where a guard would hold it (max_delete, an empty namespace)")
    .action((names: string[], { dryRun = false, force = false }: Options) =>
      start((context) => runMappings(context, names, { command: "pull", direction: () => "pull", dryRun, force })),
    );
}
