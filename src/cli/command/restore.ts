// kvsync restore: a snapshot into any location. Only what differs is written, by the same round as a copy: guards, trash, progress.

import { type Command, Option } from "commander";
import { DESTINATION_FORMS } from "../../mapping/location.ts";
import { parseSnapshotArgument } from "../backup/open-snapshot.ts";
import type { Start } from "../command-entry.ts";
import { addKeyFilterOptions, type KeyFilterOptions, parseKeyFilter } from "../input/key-filter.ts";
import { ALL_LINES, WHOLE } from "../round/define-round.ts";
import { runCopy } from "../round/run-copy.ts";

interface Options extends KeyFilterOptions {
  readonly all?: boolean;
  readonly delete?: boolean;
  readonly dryRun?: boolean;
  readonly excludeDefaults: boolean;
  readonly failEmpty: boolean;
  readonly force?: boolean;
  readonly onlyMissing?: boolean;
  readonly trustStamps?: boolean;
  readonly whole?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<snapshot>", "REPO@latest, REPO@2026-11-01T12:00 or REPO@ID")
    .argument("<destination>", DESTINATION_FORMS)
    .option("--dry-run", "Show what would be done, and do nothing")
    .addOption(new Option("--only-missing", "Leave alone every key that the destination has").conflicts("delete"))
    .option("--delete", "Remove from the destination what the snapshot has not")
    .option("--whole", WHOLE)
    .option("--all", ALL_LINES);
  addKeyFilterOptions(command)
    .option(
      "--no-exclude-defaults",
      "With --delete: write and remove also .git, .env, node_modules/ and editors' files",
    )
    .option("--no-fail-empty", "An empty snapshot is no failure (else exit code 1)")
    .option("--force", "Do it even where a guard would hold it")
    .option("--trust-stamps", "Do not read what is overwritten or removed at a namespace first: its stamps are right")
    .action((snapshot: string, destination: string, options: Options) =>
      start((context) => {
        const { delete: mirror = false, dryRun = false, force = false, all = false } = options;
        const { trustStamps = false, onlyMissing = false, excludeDefaults, failEmpty } = options;
        const { whole: isWhole = false } = options;
        const filter = parseKeyFilter(options);
        parseSnapshotArgument(snapshot);
        return runCopy(context, snapshot, destination, {
          command: "restore",
          mirror,
          dryRun,
          force,
          onlyMissing,
          values: false,
          trustStamps,
          // What a snapshot has comes back; what is not in it, and is nobody's value, stays.
          excludeDefaults: excludeDefaults && mirror,
          all,
          failEmpty,
          isManaged: filter.isManaged,
          isWhole,
          again: [
            ...filter.words,
            ...(isWhole ? ["--whole"] : []),
            ...(failEmpty ? [] : ["--no-fail-empty"]),
            ...(onlyMissing ? ["--only-missing"] : []),
          ],
        });
      }),
    );
}
