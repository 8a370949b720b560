// kvsync sync: one round of each mapping as its mode says, both ways for two-way, then exit. With --now the daemon does it.

import { count } from "../../core/counted.ts";
import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import { openControlClient } from "../../daemon/control/control-client.ts";
import type { SyncAnswer } from "../../daemon/control/protocol.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { ALL_LINES } from "../round/define-round.ts";
import { EXIT, type ExitCode, exitCodeOf, worstExitCode } from "../exit-code.ts";
import { shellWord } from "../../core/shell-word.ts";
import { tellLeftOut } from "../round/leave-out-paused.ts";
import { runMappings } from "../round/run-mappings.ts";

interface Options {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly now?: boolean;
  readonly all?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Mappings of the config; all if none is named")
    .option("--dry-run", "Show what would be done, and do nothing")
    .option("--all", ALL_LINES)
    .option("--force", "Do it even where a guard would hold it (max_delete, max_overwrite, an empty side)")
    .option("--now", "Ask the running daemon to do it at once")
    .action((names: string[], options: Options) => start((context) => sync(context, names, options)));
}

function sync(context: Context, names: readonly string[], options: Options): Promise<ExitCode> {
  if (options.now === true) return syncByDaemon(context, names, options);
  const { dryRun = false, force = false, all = false } = options;
  return runMappings(context, names, { command: "sync", modeOf: ({ mode }) => mode, dryRun, force, all });
}

async function syncByDaemon(context: Context, names: readonly string[], options: Options): Promise<ExitCode> {
  if (options.dryRun === true || options.force === true) {
    throw new AppError("usage", "--now goes with neither --dry-run nor --force", {
      hint: "look with kvsync diff; let a plan that is held run with kvsync approve",
    });
  }
  const { stateDir } = await context.config();
  const client = await openControlClient(stateDir, context);
  try {
    const answers = await client.call({ op: "sync", mappings: names });
    return worstExitCode(answers.map((answer) => tellAnswer(context, answer)));
  } finally {
    client.close();
  }
}

function tellAnswer(context: Context, { mapping, round, held, paused, beingWritten, error }: SyncAnswer): ExitCode {
  const { output } = context;
  if (paused !== null) {
    tellLeftOut(context, "sync", mapping, paused);
    return EXIT.done;
  }
  output.event({ type: "summary", command: "sync", mapping, ...round, held, beingWritten, error });
  const name = output.stdout.bold(visible(mapping));
  if (error !== null) {
    const failure = new AppError(
      error.code,
      `${mapping}: ${error.message}`,
      error.hint === null ? {} : { hint: error.hint },
    );
    context.tellFailure(failure, mapping);
    return exitCodeOf(failure);
  }
  if (held !== null) {
    output.line(
      `${name}: held as plan ${held}; kvsync status says why, kvsync approve ${mapping} --plan ${held} lets it run`,
    );
    context.keepFailure(
      new AppError("held", `mapping "${visible(mapping)}" is held with plan ${held}`, {
        hint: `to see why: kvsync status; to let it run: kvsync approve ${shellWord(mapping)} --plan ${held}`,
      }),
    );
    return EXIT.held;
  }
  if (round === null) return EXIT.done;
  const { written, removed, unchanged, failed, durationMs } = round;
  const counts = `${count(written)} written, ${count(removed)} removed, ${count(unchanged)} unchanged`;
  const text = `${name}: ${counts}${failed > 0 ? `, ${count(failed)} failed` : ""}, ${renderDuration(durationMs)}`;
  if (failed > 0) output.line(text);
  else output.report(text);
  for (const key of beingWritten)
    output.note(`  ${visible(key)} is still being written: the daemon carries it over when it is at rest`);
  return failed > 0 ? EXIT.incomplete : EXIT.done;
}
