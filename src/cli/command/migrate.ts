// kvsync migrate: namespaces from one account to another, with a proof; and what is done about a migration that has begun.

import { type Command, Option } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { parseHealthAddress } from "../../monitor/health-address.ts";
import { parseDuration } from "../../core/units.ts";
import { parseVerifyDepth, shareRead, VERIFY_FORMS } from "../../migration/proof/verify-depth.ts";
import type { Start } from "../command-entry.ts";
import { boundText } from "../input/bound-text.ts";
import { addKeyFilterOptions, many } from "../input/key-filter.ts";
import { type MigrateOptions, parseAsked } from "../migration/asked-migration.ts";
import { askAbort, askCutover } from "../migration/ask-migration.ts";
import { runMigrate } from "../migration/run-migrate.ts";
import { runVerify } from "../migration/run-verify.ts";
import { runUndo } from "../migration/run-undo.ts";
import { showMigrations } from "../migration/show-migrations.ts";

interface Options extends MigrateOptions {
  readonly accept?: readonly string[];
  readonly dryRun?: boolean;
  readonly follow?: boolean;
  readonly force?: boolean;
  readonly health?: string;
  readonly interval: string;
  readonly plan?: string;
  readonly report?: string;
  readonly settleWindow: string;
  readonly verify: string;
}

const ACCEPTABLE = ["overwrite", "jurisdiction"];

export function define(command: Command, start: Start): void {
  addKeyFilterOptions(
    command
      .usage("[options] <source> <destination>\n       kvsync migrate status|cutover|abort|verify|undo ...")
      .argument("<source>", "ACCOUNT:NAMESPACE or wrangler:BINDING; or ACCOUNT, with --namespaces or --all-namespaces")
      .argument("<destination>", "ACCOUNT, where titles stay; or ACCOUNT:NAMESPACE, for one namespace")
      .option("--namespaces <list>", "Titles, ids or patterns, with commas between: 'a,b,app-*'")
      .option("--all-namespaces", "Every namespace of the source account")
      .addOption(
        new Option("--rename <old=new>", "Keys that begin with OLD begin with NEW then; may be repeated").argParser(
          many,
        ),
      ),
  )
    .option("--dry-run", "Look at everything, tell what would be done and what stands in the way; change nothing")
    .option("--plan <file>", "With --dry-run: save what was seen. Without: go on only if the world is as it was then")
    .addOption(
      new Option(
        "--accept <finding>",
        `Go on although this was found: ${ACCEPTABLE.join(" or ")}; may be repeated`,
      ).argParser(many),
    )
    .option("--follow", "Then carry over what changes at the source, until kvsync migrate cutover")
    .option("--interval <duration>", "With --follow: between two looks at the source", "1m")
    .option("--verify <depth>", "The proof: listing, sample=P% of the values, or values for all", "sample=1%")
    .option("--settle-window <duration>", "What was written may take this long to show everywhere", "60s")
    .option("--report <file>", "Where the report is written, as FILE.json and FILE.md; else in the migration's folder")
    .option(
      "--health <address>",
      "Serve /health and /metrics there while it runs: a port, or 127.0.0.1:9477; loopback only",
    )
    .option("--no-stamp", "Leave metadata as it is: no checksum of kvsync's in it. The proof reads more values for it")
    .option("--name <name>", "What the migration is called; else by its accounts")
    .option("--force", "Remove from the destination what is gone at the source, however much it is")
    .action((source: string, destination: string, options: Options) =>
      start(async (context) => {
        const { accept = [], dryRun = false, follow = false, force = false, health, plan, report, verify } = options;
        return runMigrate(context, {
          ...parseAsked(await boundText(context, source), destination, options),
          accepted: acceptedOf(accept),
          dryRun,
          follow,
          force,
          health: health === undefined ? undefined : parseHealthAddress(health),
          plan,
          report,
          verify,
          proofShare: shareRead(parseVerifyDepth(verify, "")),
          intervalMs: durationOf("--interval", options.interval),
          settleWindowMs: durationOf("--settle-window", options.settleWindow),
        });
      }),
    );
  addSteps(command, start);
}

/** Beside the process that runs, or after it. */
function addSteps(command: Command, start: Start): void {
  const add = (usage: string, summary: string): Command =>
    command
      .command(usage)
      .summary(summary)
      .description(`${summary}.`)
      // The options of the migration itself mean nothing to what is done about one that has begun.
      .configureHelp({ ...command.configureHelp(), visibleGlobalOptions: () => [...(command.parent?.options ?? [])] });
  add("status", "Show how migrations stand")
    .argument("[name]", "Of one of them, with its namespaces")
    .action((name: string | undefined) => start((context) => showMigrations(context, name)));
  add("cutover", "Ask a migration that follows its source for the last pass")
    .argument("<name>", "What kvsync migrate status calls it")
    .option("--now", "Also while it is still catching up")
    .action((name: string, { now = false }: { readonly now?: boolean }) =>
      start((context) => askCutover(context, name, now)),
    );
  add("abort", "Ask a migration to stop for good")
    .argument("<name>", "What kvsync migrate status calls it")
    .action((name: string) => start((context) => askAbort(context, name)));
  add("undo", "Put the destination back as it was, where nobody has changed it since")
    .argument("<name>", "What kvsync migrate status calls it")
    .option("--dry-run", "Tell what would be done, and do nothing")
    .option("-y, --yes", "Do not ask")
    .option("--settle-window <duration>", "What was written may take this long to show everywhere; 60s unless given")
    .action((name: string, options: { readonly yes?: boolean }) =>
      start((context) => {
        const { dryRun = false, settleWindow } = command.opts<Options>();
        return runUndo(context, name, {
          dryRun,
          yes: options.yes === true,
          settleWindowMs: durationOf("--settle-window", settleWindow),
        });
      }),
    );
  // The command itself has options of these names, which take what is typed; here they stand for the help.
  add("verify", "Compare both sides again, from the report of a migration alone")
    .argument("<report>", "The report that ends in .json")
    .option("--verify <depth>", `As deep as this: ${VERIFY_FORMS}; else as the report`)
    .option("--report <file>", "Write a new report, as FILE.json and FILE.md")
    .option("--settle-window <duration>", "What was written may take this long to show everywhere; 60s unless given")
    .action((path: string) =>
      start((context) => {
        const { report, settleWindow, verify } = command.opts<Options>();
        const isGiven = command.getOptionValueSource("verify") === "cli";
        return runVerify(context, path, {
          // A sample of its own each time: what the last one did not find, this one may.
          verify: isGiven ? parseVerifyDepth(verify, String(context.clock.random())) : undefined,
          report,
          settleWindowMs: durationOf("--settle-window", settleWindow),
        });
      }),
    );
}

function acceptedOf(given: readonly string[]): readonly string[] {
  const unknown = given.find((code) => !ACCEPTABLE.includes(code));
  if (unknown === undefined) return [...new Set(given)];
  throw new AppError("usage", `--accept: "${visible(unknown)}" cannot be accepted`, {
    hint: `only these can: ${ACCEPTABLE.join(", ")}`,
  });
}

function durationOf(option: string, text: string): number {
  const parsed = parseDuration(text);
  if (parsed.kind === "fault") throw new AppError("usage", `${option}: ${parsed.message}`);
  return parsed.value;
}
