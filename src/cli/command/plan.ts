// kvsync plan: what a round of mappings, or a copy between two locations, would do; with --out, as a file for kvsync apply.

import type { Command } from "commander";
import type { MappingConfig } from "../../config/config.ts";
import { AppError, visible } from "../../core/errors.ts";
import { openPlanFile, type PlanFileWriter } from "../../mapping/plan-file.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { ALL_LINES, WHOLE } from "../round/define-round.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { isLocation } from "../../mapping/location.ts";
import { ioError } from "../../config/read-file.ts";
import { kvsyncCommand } from "../../core/shell-word.ts";
import { runCopy } from "../round/run-copy.ts";
import { runMappings, type SavedPlans } from "../round/run-mappings.ts";
import { VERSION } from "../process/version.ts";

interface Options {
  readonly out?: string;
  readonly delete?: boolean;
  readonly all?: boolean;
  readonly whole?: boolean;
}

/** The plan is whole, but for keys that were listed as problems. */
const PLANNED: ReadonlySet<ExitCode> = new Set([EXIT.done, EXIT.different, EXIT.incomplete]);

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Mappings of the config, all if none is named; or two locations")
    .option("-o, --out <file>", "Keep the plan in this file, for kvsync apply")
    .option("--delete", "Of two locations: also remove from the second what the first has not")
    .option("--whole", WHOLE)
    .option("--all", ALL_LINES)
    .action((names: string[], options: Options) => start((context) => plan(context, names, options)));
}

async function plan(context: Context, names: readonly string[], { out, ...options }: Options): Promise<ExitCode> {
  const file = out === undefined ? undefined : openOut(context, out);
  try {
    const save = file && { file, apply: kvsyncCommand("apply", [out!]) };
    const code = await runPlan(context, names, options, save);
    if (file === undefined || !PLANNED.has(code)) return code;
    writing(out!, () => file.commit());
    context.output.note(`the plan is in ${visible(out!)}; apply it with: ${save!.apply}`);
    return code;
  } finally {
    file?.discard();
  }
}

function openOut({ clock }: Context, path: string): PlanFileWriter {
  if (path === "-")
    throw new AppError("usage", "--out names a file: stdout has what people read", { hint: "write --out plan.json" });
  const plannedAt = new Date(clock.now()).toISOString();
  return writing(path, () => openPlanFile(path, { version: VERSION, plannedAt }));
}

function writing<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw error instanceof AppError ? error : ioError(error, `could not write ${visible(path)}`);
  }
}

async function runPlan(
  context: Context,
  names: readonly string[],
  { delete: mirror = false, all = false, whole: isWhole = false }: Options,
  save: SavedPlans | undefined,
): Promise<ExitCode> {
  const [source, destination, ...more] = names;
  const shared = { command: "plan", dryRun: true, force: false, all, save } as const;
  if (source !== undefined && destination !== undefined && more.length === 0 && names.some(isLocation)) {
    const rules = { mirror, values: false, excludeDefaults: true, failEmpty: false };
    return runCopy(context, source, destination, { ...shared, ...rules, isWhole });
  }
  if (mirror) {
    throw new AppError("usage", "--delete goes with two locations", {
      hint: "what a mapping removes is in the config: delete",
    });
  }
  return runMappings(context, names, { ...shared, modeOf: ({ mode }: MappingConfig) => mode });
}
