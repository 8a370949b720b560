// kvsync copy: from any location to any other. Adds and overwrites; with --delete the destination becomes a mirror.

import type { Command } from "commander";
import type { Start } from "../command-entry.ts";
import { runCopy } from "../run-copy.ts";

interface Options {
  readonly delete?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<source>", "ACCOUNT:NAMESPACE[/PREFIX], or a folder (./x, /x)")
    .argument("<destination>", "Likewise")
    .option("--delete", "Remove from the destination what the source has not")
    .option("-n, --dry-run", "Show what would be done, and do nothing")
    .option("--force", "Do it even where a guard would hold it")
    .action((source: string, destination: string, { delete: mirror = false, dryRun = false, force = false }: Options) =>
      start((context) =>
        runCopy(context, source, destination, { command: "copy", mirror, dryRun, force, values: false }),
      ),
    );
}
