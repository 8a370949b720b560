// kvsync drill: proves that snapshots can be restored. Each is restored into an embedded server of its own, read back and compared.

import type { Command } from "commander";
import { REPOSITORY_FORMS } from "../../backup/store/open-store.ts";
import { AppError } from "../../core/errors.ts";
import { runDrills } from "../backup/run-drills.ts";
import type { Start } from "../command-entry.ts";

interface Options {
  readonly folder?: string;
  readonly namespace?: string;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<repository>", REPOSITORY_FORMS)
    .argument("[snapshot]", "latest, 2026-11-01T12:00 or an ID; else the newest complete one of each source")
    .option("--namespace <name>", "Only snapshots of this source: its title, its ID or its label")
    .option("--folder <folder>", "Where the values lie while they are compared; else in the state folder")
    .action((repository: string, snapshot: string | undefined, options: Options) =>
      start((context) => {
        if (options.namespace === "") throw new AppError("usage", "--namespace is empty");
        return runDrills(context, repository, { snapshot, ...options });
      }),
    );
}
