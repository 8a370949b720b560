// kvsync backup: namespaces, folders or archives into a repository, a snapshot each; or the backups of the config, by their names.

import { type Command, Option } from "commander";
import { REPOSITORY_FORMS } from "../../backup/store/open-store.ts";
import { AppError } from "../../core/errors.ts";
import { isLocation, LOCATION_FORMS } from "../../mapping/location.ts";
import { runConfigured } from "../backup/run-configured.ts";
import { runBackup } from "../backup/run-backup.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { addKeyFilterOptions, type KeyFilterOptions, many, parseKeyFilter } from "../input/key-filter.ts";
import { shellWord } from "../../core/shell-word.ts";

interface Options extends KeyFilterOptions {
  readonly all?: boolean;
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
    .usage("[options] <location...> <repository>\n       kvsync backup --all | <name...>")
    .argument(
      "[location...]",
      `${LOCATION_FORMS}; 'ACCOUNT:*' is every namespace of an account. The last one is the repository: ${REPOSITORY_FORMS}. Or names of backups in the config alone`,
    );
  addKeyFilterOptions(command)
    .option("--all", "All backups of the config, as the daemon makes them, now")
    .addOption(new Option("--tag <tag>", "A word to find the snapshot by; may be repeated").argParser(many))
    .option("--dry-run", "List, and show what would be read; make nothing")
    .option("--skip-if-unchanged", "Make no snapshot of what is as it was in the last one")
    .option("--read-all", "Read every value, also those whose stamp says that the repository has them")
    .option("--no-encryption", "Make a new repository that whoever reads the store can read")
    .option("--no-exclude-defaults", "Take also .git, .env, node_modules/ and editors' files of a folder")
    .option("--no-fail-empty", "An empty source is no failure (else exit code 1)")
    .action((args: string[], options: Options) =>
      start(async (context) => {
        const names = await namesOf(context, args, options);
        if (names !== undefined) {
          checkNoOptions(command);
          return runConfigured(context, names);
        }
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
          ownOf: (snapshots) => snapshots,
          readsAll: options.readAll === true,
          isPlain: !options.encryption,
        });
      }),
    );
}

/** Of backups in the config, none for all of them; undefined: `args` are locations and a repository. */
async function namesOf(
  context: Context,
  args: readonly string[],
  { all }: Options,
): Promise<readonly string[] | undefined> {
  if (all === true) {
    if (args.length === 0) return [];
    throw new AppError("usage", "--all takes no names", { hint: "leave out --all, or the names" });
  }
  const [first, ...others] = args;
  if (first === undefined) {
    throw new AppError("usage", "what is to be backed up is missing, and where to", {
      hint: "type: kvsync backup ACCOUNT:NAMESPACE ./backups; or kvsync backup --all for the backups of the config",
    });
  }
  const { backups } = await context.config();
  if (args.every((name) => backups.has(name))) return args;
  // One word can only be meant for a name.
  return others.length === 0 && backups.size > 0 && !isLocation(first) ? args : undefined;
}

/** Backups of the config have all of it in the config. */
function checkNoOptions(command: Command): void {
  const first = command.options.find(
    (option) => option.attributeName() !== "all" && command.getOptionValueSource(option.attributeName()) === "cli",
  );
  if (first === undefined) return;
  throw new AppError("usage", `${first.long} does not go with backups of the config`, {
    hint: "say it in the config; or name what to back up and where to: kvsync backup ACCOUNT:NAMESPACE REPO",
  });
}

function needsRepository(location: string): AppError {
  return new AppError("usage", "the repository is missing that the backup is to go to", {
    hint: `type: kvsync backup ${shellWord(location)} ./backups`,
  });
}
