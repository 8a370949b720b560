// kvsync backup: namespaces, folders or archives into a repository, a snapshot each.

import { type Command, Option } from "commander";
import { REPOSITORY_FORMS } from "../../backup/store/open-store.ts";
import { AppError } from "../../core/errors.ts";
import { LOCATION_FORMS } from "../../mapping/location.ts";
import { runBackup } from "../backup/run-backup.ts";
import type { Start } from "../command-entry.ts";
import { addKeyFilterOptions, type KeyFilterOptions, many, parseKeyFilter } from "../input/key-filter.ts";
import { shellWord } from "../render/render-held.ts";

interface Options extends KeyFilterOptions {
  readonly dryRun?: boolean;
  /** False with --no-encryption. */
  readonly encryption: boolean;
  readonly excludeDefaults: boolean;
  readonly failEmpty: boolean;
  readonly readAll?: boolean;
  readonly skipIfUnchanged?: boolean;
  readonly tag?: readonly string[];
}

export function define(command: Command, start: Start): void {
  command
    .usage("[options] <location...> <repository>")
    .argument(
      "<location...>",
      `${LOCATION_FORMS}; 'ACCOUNT:*' is every namespace of an account. The last one is the repository: ${REPOSITORY_FORMS}`,
    );
  addKeyFilterOptions(command)
    .addOption(new Option("--tag <tag>", "A word to find the snapshot by; may be repeated").argParser(many))
    .option("--dry-run", "List, and show what would be read; make nothing")
    .option("--skip-if-unchanged", "Make no snapshot of what is as it was in the last one")
    .option("--read-all", "Read every value, also those whose stamp says that the repository has them")
    .option("--no-encryption", "Make a new repository that whoever reads the store can read")
    .option("--no-exclude-defaults", "Take also .git, .env, node_modules/ and editors' files of a folder")
    .option("--no-fail-empty", "An empty source is no failure (else exit code 1)")
    .action((args: string[], options: Options) =>
      start((context) => {
        const locations = args.slice(0, -1);
        const repository = args.at(-1)!;
        if (locations.length === 0) throw needsRepository(repository);
        return runBackup(context, locations, repository, {
          filter: parseKeyFilter(options),
          excludeDefaults: options.excludeDefaults,
          failEmpty: options.failEmpty,
          tags: [...new Set(options.tag)],
          dryRun: options.dryRun === true,
          skipUnchanged: options.skipIfUnchanged === true,
          readsAll: options.readAll === true,
          isPlain: !options.encryption,
        });
      }),
    );
}

function needsRepository(location: string): AppError {
  return new AppError("usage", "the repository is missing that the backup is to go to", {
    hint: `type: kvsync backup ${shellWord(location)} ./backups`,
  });
}
