// kvsync prune: makes room in a repository.

import type { Command } from "commander";
import { MAX_UNUSED } from "../../backup/prune/plan-prune.ts";
import { GRACE_MS } from "../../backup/repository/mark-watch.ts";
import { REPOSITORY_FORMS } from "../../backup/store/open-store.ts";
import { AppError } from "../../core/errors.ts";
import { type Parsed, parseDuration, parseRatio, renderDuration } from "../../core/units.ts";
import { runPrune } from "../backup/run-prune.ts";
import type { Start } from "../command-entry.ts";

interface Options {
  readonly alone?: boolean;
  readonly dryRun?: boolean;
  readonly grace: string;
  readonly maxUnused: string;
}

/** Listings of a store may lag behind: what was written a moment ago is not to be taken for what nobody needs. */
const GRACE_MS_MIN = 3_600_000;

export function define(command: Command, start: Start): void {
  command
    .argument("<repository>", REPOSITORY_FORMS)
    .option("--dry-run", "Show what would be done, and do nothing")
    .option(
      "--max-unused <share>",
      "Rewrite a pack of 16 MiB if more of it than this is unused",
      `${MAX_UNUSED * 100}%`,
    )
    .option("--grace <duration>", "How long a pack is marked before it is removed; under 24h only with --alone", "24h")
    .option("--alone", "No backup runs meanwhile, from anywhere: a shorter --grace is safe")
    .action((repository: string, options: Options) =>
      start((context) => {
        const { alone = false, dryRun = false } = options;
        const maxUnused = valueOf("--max-unused", parseRatio(options.maxUnused));
        const grace = valueOf("--grace", parseDuration(options.grace));
        if (grace < GRACE_MS && !alone) {
          throw new AppError(
            "usage",
            `--grace ${options.grace}: a backup that runs meanwhile may rely on what is removed before ${renderDuration(GRACE_MS)} are over`,
            {
              hint: "where no backup runs, add --alone",
            },
          );
        }
        if (grace < GRACE_MS_MIN) throw new AppError("usage", `--grace ${options.grace}: 1h is the least`);
        return runPrune(context, repository, { grace, maxUnused, dryRun });
      }),
    );
}

function valueOf<T>(option: string, parsed: Parsed<T>): T {
  if (parsed.kind === "value") return parsed.value;
  throw new AppError("usage", `${option}: ${parsed.message}`);
}
