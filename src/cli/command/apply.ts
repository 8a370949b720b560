// kvsync apply: does what a saved plan says, once, and nothing else; or nothing at all, if a key of it is not as it was.

import type { Command } from "commander";
import type { Mode } from "../../config/config.ts";
import { AppError, visible } from "../../core/errors.ts";
import { type PlannedRound, readPlanFile } from "../../mapping/plan-file.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { ALL_LINES } from "../define-round.ts";
import { type ExitCode, worstExitCode } from "../exit-code.ts";
import type { FollowedPlan } from "../followed-plan.ts";
import { ioError } from "../../config/read-file.ts";
import { runCopy } from "../run-copy.ts";
import { runMappings } from "../run-mappings.ts";

interface Options {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly all?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<file>", "A plan of kvsync plan --out")
    .option("--dry-run", "Only see whether the plan still fits, and do nothing")
    .option("--all", ALL_LINES)
    .option("--force", "Do it even where a guard would hold it (max_delete, max_overwrite, an empty source)")
    .action((file: string, options: Options) => start((context) => apply(context, file, options)));
}

async function apply(
  context: Context,
  file: string,
  { dryRun = false, force = false, all = false }: Options,
): Promise<ExitCode> {
  const { digest, rounds } = await read(file);
  if (rounds.length === 0) context.output.report("the plan has nothing to do");
  const codes: ExitCode[] = [];
  for (const [index, round] of rounds.entries()) {
    const follow = { digest, round: index, places: round.subject["places"] ?? [], actions: round.actions() };
    codes.push(await followRound(context, round, { follow, dryRun, force, all }));
  }
  return worstExitCode(codes);
}

async function read(file: string) {
  try {
    return await readPlanFile(file);
  } catch (error) {
    throw error instanceof Error && "syscall" in error ? ioError(error, `could not read ${visible(file)}`) : error;
  }
}

function followRound(
  context: Context,
  { subject }: PlannedRound,
  options: { readonly follow: FollowedPlan; readonly dryRun: boolean; readonly force: boolean; readonly all: boolean },
): Promise<ExitCode> {
  const { mapping, mode, source, destination, mirror } = subject;
  const shared = { command: "apply", ...options } as const;
  if (typeof mapping === "string" && isMode(mode))
    return runMappings(context, [mapping], { ...shared, modeOf: () => mode });
  if (typeof source === "string" && typeof destination === "string") {
    const rules = { mirror: mirror === true, values: false, excludeDefaults: true, failEmpty: false };
    return runCopy(context, source, destination, { ...shared, ...rules });
  }
  throw new AppError("usage", "a round of the plan is neither of a mapping nor of two locations");
}

function isMode(mode: unknown): mode is Mode {
  return mode === "push" || mode === "pull" || mode === "two-way";
}
