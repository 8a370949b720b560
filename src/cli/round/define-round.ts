// What push and pull have in common on the command line: mappings, a dry run, and --force.

import type { Command } from "commander";
import type { Start } from "../command-entry.ts";
import { runMappings } from "./run-mappings.ts";

interface Options {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly againstMode?: boolean;
  readonly all?: boolean;
}

/** What `--all` says of itself. */
export const ALL_LINES = "Show every line, however many keys are changed";
export const WHOLE =
  "With --delete: the .json, or what was made of one, has all keys of its place, which it cannot say itself";

/** `emptied`: what would be empty when the guard against that holds a plan. */
export function defineRound(
  command: Command,
  start: Start,
  { direction, emptied }: { readonly direction: "push" | "pull"; readonly emptied: string },
): void {
  command
    .argument("[mapping...]", `Mappings of the config; all of mode ${direction} if none is named`)
    .option("--dry-run", "Show what would be done, and do nothing")
    .option("--all", ALL_LINES)
    .option("--force", `Do it even where a guard would hold it (max_delete, max_overwrite, an empty ${emptied})`)
    .option("--against-mode", `Go this way even if a named mapping's mode is ${direction === "push" ? "pull" : "push"}`)
    .action((names: string[], { dryRun = false, force = false, againstMode = false, all = false }: Options) =>
      start((context) =>
        runMappings(context, names, { command: direction, modeOf: () => direction, dryRun, force, againstMode, all }),
      ),
    );
}
