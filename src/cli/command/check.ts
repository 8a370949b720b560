// kvsync check: whether two locations hold the same, by their stamps, or with --values by every value; or whether a repository is whole.

import { type Command, Option } from "commander";
import { REPOSITORY_FORMS } from "../../backup/store/open-store.ts";
import { AppError } from "../../core/errors.ts";
import { parseRatio } from "../../core/units.ts";
import { runCheckRepository } from "../backup/run-check-repository.ts";
import type { Start } from "../command-entry.ts";
import { addKeyFilterOptions, type KeyFilterOptions, parseKeyFilter } from "../input/key-filter.ts";
import { shellWord } from "../../core/shell-word.ts";
import { ALL_LINES } from "../round/define-round.ts";
import { LOCATION_FORMS } from "../../mapping/location.ts";
import { runCopy } from "../round/run-copy.ts";

interface Options extends KeyFilterOptions {
  readonly all?: boolean;
  readonly excludeDefaults: boolean;
  readonly failEmpty: boolean;
  readonly readData?: boolean;
  readonly readDataSubset?: string;
  readonly values?: boolean;
}

export function define(command: Command, start: Start): void {
  addKeyFilterOptions(command)
    .argument("<source>", `${LOCATION_FORMS}; or alone, a repository: ${REPOSITORY_FORMS}`)
    .argument("[destination]", "What the source is compared with")
    .option("--values", "Read and compare the values themselves, whatever their stamps say")
    .option("--all", ALL_LINES)
    .option("--no-exclude-defaults", "Compare also .git, .env, node_modules/ and editors' files")
    .option("--no-fail-empty", "An empty source is no failure (else exit code 1)")
    .option("--read-data", "Of a repository: read every byte, and hold it against its hash")
    .addOption(
      new Option("--read-data-subset <share>", "Of a repository: so of a part of it, another one each time").conflicts(
        "readData",
      ),
    )
    .action((source: string, destination: string | undefined, options: Options) => {
      if (destination === undefined)
        return start(async (context) => runCheckRepository(context, source, readShareOf(source, options)));
      const { all = false, values = false, excludeDefaults, failEmpty } = options;
      const check = { mirror: true, dryRun: true, force: false, values, excludeDefaults, all, failEmpty };
      return start((context) => {
        if (options.readData === true || options.readDataSubset !== undefined) {
          throw new AppError("usage", "--read-data and --read-data-subset are for a check of one repository", {
            hint: `type: kvsync check ${shellWord(source)} ${shellWord(destination)} --values`,
          });
        }
        const { isManaged, words: again } = parseKeyFilter(options);
        return runCopy(context, source, destination, { command: "check", ...check, isManaged, again });
      });
    });
}

/** From 0 to 1. */
function readShareOf(source: string, options: Options): number {
  const { values, all, prefix, include, exclude, readData = false, readDataSubset } = options;
  if (values === true || all === true || (prefix ?? include ?? exclude) !== undefined) {
    throw new AppError("usage", "a check of one repository takes none of the options of a comparison", {
      hint: `type: kvsync check ${shellWord(source)} --read-data; or name what ${shellWord(source)} is to be compared with`,
    });
  }
  if (readData) return 1;
  if (readDataSubset === undefined) return 0;
  const parsed = parseRatio(readDataSubset);
  if (parsed.kind === "fault") throw new AppError("usage", `--read-data-subset: ${parsed.message}`);
  if (parsed.value === 0) throw new AppError("usage", "--read-data-subset: 0% is nothing to be read");
  return parsed.value;
}
