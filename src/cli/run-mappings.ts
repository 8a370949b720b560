// One round for each of several mappings: push, pull and diff. A mapping that fails does not keep the others from theirs.

import type { MappingConfig } from "../config/config.ts";
import { AppError } from "../core/errors.ts";
import { decideOf } from "../daemon/decide-mapping.ts";
import { openMapping } from "../daemon/mapping.ts";
import { type PairDeps, runPairRound } from "../daemon/pair.ts";
import { openJournal, openScratchJournal } from "../journal/journal.ts";
import { openStateLock } from "../journal/lock.ts";
import type { Context } from "./context.ts";
import { exitCodeOf, type ExitCode, worstExitCode } from "./exit-code.ts";
import { growHeapFreely } from "./heap.ts";
import { errorRecord, renderError } from "./render-error.ts";
import { openRoundReport, requestsSince } from "./round-report.ts";

export interface MappingRounds {
  readonly command: "push" | "pull" | "diff";
  readonly direction: (mapping: MappingConfig) => "push" | "pull";
  readonly dryRun: boolean;
  readonly force: boolean;
}

/** What the sides of a mapping's round are called. */
export const SIDES = {
  push: { source: "the folder", destination: "the namespace" },
  pull: { source: "the namespace", destination: "the folder" },
} as const;

/** Runs the mappings of these names, or all, one after the other. Returns the worst exit code. */
export async function runMappings(
  context: Context,
  names: readonly string[],
  rounds: MappingRounds,
): Promise<ExitCode> {
  if (rounds.command === "pull") growHeapFreely();
  const { stateDir } = await context.config();
  const mappings = await context.mappings(names);
  const state = openState(context, stateDir, rounds.dryRun);
  try {
    const codes: ExitCode[] = [];
    for (const mapping of mappings)
      codes.push(await runMapping(context, state.deps, mapping, rounds, mappings.length > 1));
    return worstExitCode(codes);
  } finally {
    state.close();
  }
}

/** The journal, under the state lock unless nothing is to be changed. */
export function openState(
  context: Context,
  stateDir: string,
  look: boolean,
): { readonly deps: PairDeps; close(): void } {
  const { clock, output } = context;
  const lock = look ? undefined : openStateLock(stateDir);
  const journal = openJournal({ stateDir, clock });
  const scratch = openScratchJournal();
  if (journal.replaced !== undefined) {
    output.warn(`the journal was damaged and has been put aside as ${journal.replaced}; this round deletes nothing`);
  }
  return {
    deps: { clock, journal, scratch, stateDir },
    close() {
      scratch.close();
      journal.close();
      lock?.close();
    },
  };
}

async function runMapping(
  context: Context,
  deps: PairDeps,
  mapping: MappingConfig,
  rounds: MappingRounds,
  hasOthers: boolean,
): Promise<ExitCode> {
  try {
    return await runRound(context, deps, mapping, rounds);
  } catch (error) {
    if (!hasOthers || !(error instanceof AppError) || context.signal.aborted) throw error;
    const { output } = context;
    if (output.json) output.event({ ...errorRecord(error), mapping: mapping.name });
    output.warn(renderError(error, output.stderr, false));
    return exitCodeOf(error);
  }
}

async function runRound(
  context: Context,
  deps: PairDeps,
  mapping: MappingConfig,
  rounds: MappingRounds,
): Promise<ExitCode> {
  const { clock, signal } = context;
  const { command, dryRun, force } = rounds;
  const startedAt = clock.now();
  const direction = rounds.direction(mapping);
  // A push or pull of a two-way mapping is one way on purpose; what differs is shown as its mode would carry it.
  const twoWay = command === "diff" && mapping.mode === "two-way";
  const account = await context.account(mapping.account);
  const before = account.api.counts();
  const opened = await openMapping(
    { clock, stateDir: deps.stateDir, mapping, account: account.config, api: account.api },
    { direction, look: dryRun },
  );
  const pair = opened.pair(direction);
  const report = openRoundReport(context, {
    command,
    mapping: mapping.name,
    account: account.name,
    namespace: opened.namespace?.title ?? mapping.namespace,
    route: `${pair.source.label} ${twoWay ? "<->" : "->"} ${pair.destination.label}`,
    dryRun,
    startedAt,
    compares: command === "diff",
    twoWay,
    sides: SIDES[direction],
  });
  try {
    const result = await runPairRound(deps, pair, {
      decide: decideOf({ ...mapping, mode: twoWay ? "two-way" : direction }, pair.destination, {
        now: clock.now(),
        unattended: false,
      }),
      settleWindowMs: mapping.settleWindowMs,
      guards: mapping,
      dryRun,
      force,
      signal,
      events: report.events,
    });
    return report.finish(result, requestsSince(before, account.api.counts()));
  } finally {
    report.close();
    await opened.close();
  }
}
