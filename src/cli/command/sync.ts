// kvsync sync: one round of each mapping as its mode says, both ways for two-way, then exit. With --now the daemon does it.

import type { Command } from "commander";
import type { MappingConfig } from "../../config/config.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import { openControlClient } from "../../daemon/control/control-client.ts";
import type { SyncAnswer } from "../../daemon/control/protocol.ts";
import { decodeHoldReason, renderHoldAdvice, renderHoldReason } from "../../daemon/hold-reason.ts";
import { openMappingRounds } from "../../daemon/mapping-rounds.ts";
import type { PairDeps } from "../../daemon/pair.ts";
import type { AccountsPort, RoundReport } from "../../daemon/round-port.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode, exitCodeOf, worstExitCode } from "../exit-code.ts";
import { count } from "../progress.ts";
import { errorRecord, renderError } from "../render-error.ts";
import { openRoundReport, requestsSince } from "../round-report.ts";
import { openState, SIDES } from "../run-mappings.ts";

interface Options {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly now?: boolean;
}

const ARROWS = { push: "->", pull: "<-", "two-way": "<->" } as const;

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Mappings of the config; all if none is named")
    .option("-n, --dry-run", "Show what would be done, and do nothing")
    .option("--force", "Do it even where a guard would hold it (max_delete, max_overwrite, an empty side)")
    .option("--now", "Ask the running daemon to do it at once")
    .action((names: string[], options: Options) => start((context) => sync(context, names, options)));
}

async function sync(context: Context, names: readonly string[], options: Options): Promise<ExitCode> {
  if (options.now === true) return syncByDaemon(context, names, options);
  const { stateDir } = await context.config();
  const mappings = await context.mappings(names);
  const state = openState(context, stateDir, options.dryRun === true);
  try {
    const codes: ExitCode[] = [];
    for (const mapping of mappings)
      codes.push(await syncMapping(context, state.deps, mapping, options, mappings.length > 1));
    return worstExitCode(codes);
  } finally {
    state.close();
  }
}

async function syncMapping(
  context: Context,
  deps: PairDeps,
  mapping: MappingConfig,
  options: Options,
  hasOthers: boolean,
): Promise<ExitCode> {
  try {
    return await oneRound(context, deps, mapping, options);
  } catch (error) {
    if (!hasOthers || !(error instanceof AppError) || context.signal.aborted) throw error;
    const { output } = context;
    output.event({ ...errorRecord(error), mapping: mapping.name });
    output.warn(renderError(error, output.stderr, false));
    return exitCodeOf(error);
  }
}

async function oneRound(
  context: Context,
  deps: PairDeps,
  mapping: MappingConfig,
  { dryRun = false, force = false }: Options,
): Promise<ExitCode> {
  const { name, mode, folder, namespace } = mapping;
  const startedAt = context.clock.now();
  const account = await context.account(mapping.account);
  const before = account.api.counts();
  const accounts: AccountsPort = { open: async () => account, renew: async () => {} };
  const rounds = openMappingRounds({ ...deps, mapping, accounts, spool: 1 });
  const report = openRoundReport(context, {
    command: "sync",
    mapping: name,
    account: account.name,
    namespace,
    route: `${folder} ${ARROWS[mode]} ${account.name}:${namespace}`,
    dryRun,
    startedAt,
    compares: false,
    twoWay: mode === "two-way",
    sides: SIDES[mode === "pull" ? "pull" : "push"],
  });
  try {
    const round = await rounds.full({ signal: context.signal, events: report.events, dryRun, force });
    // The summary is the last line.
    if (round.hold !== undefined) context.output.event({ type: "held", mapping: name, plan: round.hold.plan });
    const code = report.finish(round.result, requestsSince(before, account.api.counts()));
    return worstExitCode([code, tellHold(context, mapping, round)]);
  } finally {
    report.close();
    await rounds.close();
  }
}

/** What the summary does not say: the plan's id, and the guards that only a mapping has. */
function tellHold({ output }: Context, { name, conflict }: MappingConfig, { hold, result }: RoundReport): ExitCode {
  if (hold !== undefined) {
    const reason = decodeHoldReason(hold.reason);
    const isTold = result.trip?.guard === reason.guard;
    output.warn(`  held as plan ${hold.plan}${isTold ? "" : `: ${renderHoldReason(reason)}`}`);
    output.warn(`  hint: ${renderHoldAdvice(reason)}`);
    output.warn(`  hint: kvsync approve ${name}, then kvsync sync ${name} again, lets exactly this plan run`);
    return EXIT.held;
  }
  return conflict === "hold" && result.conflicts > 0 ? EXIT.conflicts : EXIT.done;
}

async function syncByDaemon(context: Context, names: readonly string[], options: Options): Promise<ExitCode> {
  if (options.dryRun === true || options.force === true) {
    throw new AppError("usage", "--now goes with neither --dry-run nor --force", {
      hint: "look with kvsync diff; let a plan that is held run with kvsync approve",
    });
  }
  const { stateDir } = await context.config();
  const client = await openControlClient(stateDir, context.signal);
  try {
    const answers = await client.call({ op: "sync", mappings: names });
    return worstExitCode(answers.map((answer) => tellAnswer(context, answer)));
  } finally {
    client.close();
  }
}

function tellAnswer({ output }: Context, { mapping, round, held, error }: SyncAnswer): ExitCode {
  output.event({ type: "summary", command: "sync", mapping, ...round, held, error });
  const name = output.stdout.bold(visible(mapping));
  if (error !== null) {
    const failure = new AppError(
      error.code,
      `${mapping}: ${error.message}`,
      error.hint === null ? {} : { hint: error.hint },
    );
    output.warn(renderError(failure, output.stderr, false));
    return exitCodeOf(failure);
  }
  if (held !== null) {
    output.line(`${name}: held as plan ${held}; kvsync status says why, kvsync approve ${mapping} lets it run`);
    return EXIT.held;
  }
  if (round === null) return EXIT.done;
  const { written, removed, unchanged, failed, durationMs } = round;
  const counts = `${count(written)} written, ${count(removed)} removed, ${count(unchanged)} unchanged`;
  output.line(`${name}: ${counts}${failed > 0 ? `, ${count(failed)} failed` : ""}, ${renderDuration(durationMs)}`);
  return failed > 0 ? EXIT.incomplete : EXIT.done;
}
