// kvsync copy: from any location to any other. Adds and overwrites; with --delete the destination becomes a mirror.

import type { Command } from "commander";
import type { Start } from "../command-entry.ts";
import { addKeyFilterOptions, type KeyFilterOptions, parseKeyFilter } from "../input/key-filter.ts";
import { addPartOptions, parsePart, type PartOptions } from "../input/part-of-keys.ts";
import { AppError, visible } from "../../core/errors.ts";
import { runCopyAccount } from "../round/copy-account.ts";
import { accountOfAll } from "../round/each-namespace.ts";
import { runExportAccount } from "../round/export-account.ts";
import { runExport } from "../round/run-export.ts";
import { shellWord } from "../../core/shell-word.ts";
import { ALL_LINES, WHOLE } from "../round/define-round.ts";
import { isArchiveName, LOCATION_FORMS, DESTINATION_FORMS } from "../../mapping/location.ts";
import { bothOf, runCopy } from "../round/run-copy.ts";
import { isRepository } from "../backup/is-repository.ts";
import { runCopyRepository } from "../backup/run-copy-repository.ts";

interface Options extends KeyFilterOptions, PartOptions {
  readonly all?: boolean;
  readonly delete?: boolean;
  readonly dryRun?: boolean;
  /** False with --no-encryption. */
  readonly encryption: boolean;
  readonly excludeDefaults: boolean;
  readonly failEmpty: boolean;
  readonly force?: boolean;
  readonly trustStamps?: boolean;
  readonly whole?: boolean;
}

export function define(command: Command, start: Start): void {
  addPartOptions(addKeyFilterOptions(command))
    .argument(
      "<source>",
      `${LOCATION_FORMS}; 'ACCOUNT:*' is every namespace of an account; or a repository, whose snapshots are copied to another one`,
    )
    .argument(
      "<destination>",
      `${DESTINATION_FORMS}; or what is written as a whole: an archive, or of a repository another one; of 'ACCOUNT:*', another account's 'ACCOUNT:*', or a folder, which gets a folder for each title`,
    )
    .option("--delete", "Remove from the destination what the source has not")
    .option("--whole", WHOLE)
    .option("--dry-run", "Show what would be done, and do nothing")
    .option("--all", ALL_LINES)
    .option(
      "--no-exclude-defaults",
      "Copy also .git, .env, node_modules/ and editors' files (config.example.yaml lists them)",
    )
    .option("--no-fail-empty", "An empty source is no failure (else exit code 1)")
    .option("--force", "Do it even where a guard would hold it")
    .option("--no-encryption", "Make a new repository that whoever reads the store can read")
    .option("--trust-stamps", "Do not read what is overwritten or removed at a namespace first: its stamps are right")
    .action((source: string, destination: string, options: Options) => {
      const { delete: mirror = false, dryRun = false, force = false, trustStamps = false } = options;
      const { all = false, excludeDefaults, failEmpty, whole: isWhole = false } = options;
      const copy = { mirror, dryRun, force, values: false, trustStamps, excludeDefaults, all, failEmpty };
      return start(async (context) => {
        const filter = parseKeyFilter(options);
        const part = parsePart(options);
        const account = accountOfAll(source);
        if (await isRepository(context, source)) {
          checkRepositoryOptions(source, destination, options);
          return runCopyRepository(context, source, destination, { dryRun, isPlain: !options.encryption });
        }
        if (isArchiveName(destination)) {
          if (dryRun) throw wholeOnly(source, destination);
          if (part !== undefined) throw noPartialArchive(source, destination);
          const request = { filter, excludeDefaults, failEmpty, partial: false, splitBytes: undefined };
          return account === undefined
            ? runExport(context, source, destination, request)
            : runExportAccount(context, account, destination, request);
        }
        if (part !== undefined && mirror) throw noPartialMirror();
        if (part !== undefined) context.output.note(`  ${part.said}`);
        const isManaged = bothOf(filter.isManaged, part?.isManaged);
        const flags = [...(isWhole ? ["--whole"] : []), ...(failEmpty ? [] : ["--no-fail-empty"])];
        const again = [...filter.words, ...(part?.words ?? []), ...flags];
        const keysMax = part?.keysMax;
        const request = { command: "copy", ...copy, isManaged, keysMax, isWhole, again } as const;
        return account === undefined
          ? runCopy(context, source, destination, request)
          : runCopyAccount(context, account, destination, request);
      });
    });
}

/** A repository is copied as a whole. */
function checkRepositoryOptions(source: string, destination: string, options: Options): void {
  const { encryption: _, dryRun: __, excludeDefaults, failEmpty, ...others } = options;
  if (excludeDefaults && failEmpty && Object.keys(others).length === 0) return;
  throw new AppError(
    "usage",
    `${visible(source)} is a repository, and is copied as a whole: of the options only --dry-run and --no-encryption go with that`,
    {
      hint: `to write one of its snapshots to another place, type: kvsync restore ${shellWord(source)}@latest ${shellWord(destination)}`,
    },
  );
}

/** What is not copied is not known to be gone. */
function noPartialMirror(): AppError {
  return new AppError("usage", "--delete does not go with --limit and --sample: what is not copied is not gone", {
    hint: "leave out --delete; or name the keys of the mirror by --prefix, --include or --exclude",
  });
}

/** An archive of a part would pass for one of all keys. */
function noPartialArchive(source: string, destination: string): AppError {
  return new AppError(
    "usage",
    "--limit and --sample do not go with an archive, which could not say that it has only a part",
    {
      hint: `copy to a folder: kvsync copy ${shellWord(source)} ./part --limit 100; or name the keys, which an archive does say: kvsync export ${shellWord(source)} ${shellWord(destination)} --prefix PREFIX`,
    },
  );
}

/** An archive is not compared with, key by key: it is written anew. */
function wholeOnly(source: string, destination: string): AppError {
  return new AppError(
    "usage",
    "--dry-run does not go with an archive as the destination, which is written as a whole",
    {
      hint: `to compare the two, type: kvsync diff ${shellWord(source)} ${shellWord(destination)}`,
    },
  );
}
