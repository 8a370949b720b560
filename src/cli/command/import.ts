// kvsync import: an archive into a location. It is checked as a whole before anything is written, and then goes through the same
// round as a copy: guards, trash, and only what differs.

import type { Command } from "commander";
import { AppError } from "../../core/errors.ts";
import { archiveLocation, openArchiveFile } from "../../mapping/open-location.ts";
import { DESTINATION_FORMS } from "../../mapping/location.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import type { ExitCode } from "../exit-code.ts";
import { addKeyFilterOptions, type KeyFilterOptions, parseKeyFilter } from "../input/key-filter.ts";
import { openWholeFile } from "../input/whole-file.ts";
import { ALL_LINES, WHOLE } from "../round/define-round.ts";
import { runCopy } from "../round/run-copy.ts";

interface Options extends KeyFilterOptions {
  readonly all?: boolean;
  readonly delete?: boolean;
  readonly dryRun?: boolean;
  readonly edited?: boolean;
  readonly excludeDefaults: boolean;
  readonly failEmpty: boolean;
  readonly force?: boolean;
  readonly partial?: boolean;
  readonly salvage?: boolean;
  readonly trustStamps?: boolean;
  readonly whole?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<file>", "An archive of kvsync export, or a .json of wrangler's; - is stdin")
    .argument("<destination>", DESTINATION_FORMS)
    .option("--delete", "Remove from the destination what the archive has not")
    .option("--dry-run", "Show what would be done, and do nothing")
    .option("--all", ALL_LINES);
  addKeyFilterOptions(command)
    .option("--salvage", "Take what is whole of an archive that was cut off or damaged")
    .option("--edited", "Take an archive that was changed after it was written")
    .option("--partial", "Take an archive that lacks keys which could not be read when it was written")
    .option("--whole", WHOLE)
    .option("--no-exclude-defaults", "Write also .git, .env, node_modules/ and editors' files to a folder")
    .option("--no-fail-empty", "An empty archive is no failure (else exit code 1)")
    .option("--force", "Do it even where a guard would hold it")
    .option("--trust-stamps", "Do not read what is overwritten or removed at a namespace first: its stamps are right")
    .action((file: string, destination: string, options: Options) =>
      start((context) => importArchive(context, file, destination, options)),
    );
}

async function importArchive(context: Context, file: string, destination: string, options: Options): Promise<ExitCode> {
  const { delete: mirror = false, dryRun = false, force = false, trustStamps = false, all = false } = options;
  const {
    excludeDefaults,
    failEmpty,
    salvage = false,
    edited = false,
    partial = false,
    whole: isWhole = false,
  } = options;
  if (mirror && (salvage || partial)) {
    throw new AppError("usage", `--delete does not go with --${salvage ? "salvage" : "partial"}`, {
      hint: "an archive that lacks keys does not tell which keys to remove: leave out --delete",
    });
  }
  const filter = parseKeyFilter(options);
  const whole = await openWholeFile(context, file);
  try {
    const { clock, signal } = context;
    const allowed = { salvage, edited, partial };
    const archive = await openArchiveFile({ clock, path: whole.path, label: whole.name, allowed, signal });
    return await runCopy(context, file, destination, {
      command: "import",
      mirror,
      dryRun,
      force,
      values: false,
      trustStamps,
      excludeDefaults,
      all,
      failEmpty,
      opened: archiveLocation(archive),
      isManaged: filter.isManaged,
      isWhole,
      again: [
        ...filter.words,
        ...(isWhole ? ["--whole"] : []),
        ...(failEmpty ? [] : ["--no-fail-empty"]),
        ...(["salvage", "edited", "partial"] as const).filter((name) => allowed[name]).map((name) => `--${name}`),
      ],
    });
  } finally {
    whole.close();
  }
}
