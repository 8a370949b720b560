// kvsync apply: does what a saved plan says, once, and nothing else; or nothing at all, if a key of it is not as it was.

import type { Command } from "commander";
import type { MappingConfig, Mode } from "../../config/config.ts";
import type { EpochMs } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { countedKeys } from "../../core/guards.ts";
import { type PlanFile, type PlannedRound, readPlanFile } from "../../mapping/plan-file.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { ALL_LINES } from "../round/define-round.ts";
import { EXIT, type ExitCode, worstExitCode } from "../exit-code.ts";
import { type FollowedPlan, isToCreate } from "../round/followed-plan.ts";
import { ioError } from "../../config/read-file.ts";
import { openWholeFile } from "../input/whole-file.ts";
import { holdBack } from "../render/held-output.ts";
import { kvsyncCommand } from "../../core/shell-word.ts";
import { refusePaused } from "../round/leave-out-paused.ts";
import { lookAtJournal } from "../round/look-at-journal.ts";
import { runCopy } from "../round/run-copy.ts";
import { runMappings } from "../round/run-mappings.ts";

interface Options {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly all?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<file>", "A plan of kvsync plan --out; - is stdin")
    .option("--dry-run", "Only see whether the plan still fits, and do nothing")
    .option("--all", ALL_LINES)
    .option("--force", "Do it even where a guard would hold it (max_delete, max_overwrite, an empty source)")
    .action((file: string, options: Options) => start((context) => apply(context, file, options)));
}

async function apply(context: Context, file: string, options: Options): Promise<ExitCode> {
  const plan = await openWholeFile(context, file);
  try {
    return await applyPlan(context, plan.path, file, options);
  } finally {
    plan.close();
  }
}

async function applyPlan(
  context: Context,
  path: string,
  file: string,
  { dryRun = false, force = false, all = false }: Options,
): Promise<ExitCode> {
  const plan = { ...(await read(path, file)), command: kvsyncCommand("apply", [file]) };
  const { rounds } = plan;
  if (!dryRun) await refusePausedRounds(context, rounds);
  if (rounds.length === 0) context.output.report("the plan has nothing to do");
  const needsLook = rounds.length > 1 || rounds.some(({ subject }) => isToCreate(subject["places"]));
  if (needsLook && !dryRun && !(await fits(context, plan, { force, all }))) return EXIT.planOutdated;
  const applied: EpochMs[] = [];
  const codes: ExitCode[] = [];
  for (const [index, round] of rounds.entries()) {
    const onApplied = (at: EpochMs): void => {
      applied.push(at);
      if (rounds.length > 1) context.output.note(`left out: ${nameOf(round)}, which was applied already, ${on(at)}`);
    };
    codes.push(await followRound(context, round, { follow: followedOf(plan, index, onApplied), dryRun, force, all }));
    // A key of it moved after all rounds were looked at.
    if (codes[index] !== EXIT.planOutdated || dryRun) continue;
    if (rounds.length > 1) tellBrokenOff(context, rounds, codes);
    break;
  }
  if (applied.length > 0 && applied.length === rounds.length) {
    throw new AppError("plan-outdated", `the plan was applied already, ${on(Math.max(...applied))}`, {
      hint: "to see what differs now, type: kvsync plan",
    });
  }
  return worstExitCode(codes);
}

/** Throws AppError `paused` where a round is of a mapping that is, before another is carried out. */
async function refusePausedRounds(context: Context, rounds: readonly PlannedRound[]): Promise<void> {
  const names = rounds.flatMap(({ subject: { mapping } }) => (typeof mapping === "string" ? [mapping] : []));
  if (names.length === 0) return;
  lookAtJournal(context, await context.stateDir(), (journal) => refusePaused(journal, names));
}

/** `codes`: of the rounds that were begun, the last of which no longer fits. */
function tellBrokenOff({ output }: Context, rounds: readonly PlannedRound[], codes: readonly ExitCode[]): void {
  const before = rounds.slice(0, codes.length - 1).filter((_, index) => codes[index] !== EXIT.held);
  const after = rounds.slice(codes.length);
  if (before.length > 0) output.warn(`  carried out before it: ${before.map(nameOf).join(", ")}`);
  if (after.length > 0) output.warn(`  not begun: ${after.map(nameOf).join(", ")}`);
}

/** Whether each round of the plan fits, before the first of them is carried out. Tells only of those that do not. */
async function fits(
  context: Context,
  plan: Applicable,
  options: { readonly force: boolean; readonly all: boolean },
): Promise<boolean> {
  let isFitting = true;
  for (const [index, round] of plan.rounds.entries()) {
    const held = holdBack(context.output);
    const follow = followedOf(plan, index, () => {});
    const code = await followRound({ ...context, output: held.output }, round, { ...options, follow, dryRun: true });
    if (code !== EXIT.planOutdated) continue;
    isFitting = false;
    held.tell();
  }
  return isFitting;
}

interface Applicable extends PlanFile {
  readonly command: string;
}

function followedOf(
  { digest, rounds, command: apply }: Applicable,
  index: number,
  onApplied: FollowedPlan["onApplied"],
): FollowedPlan {
  const round = rounds[index]!;
  const places = round.subject["places"] ?? [];
  return { digest, round: index, places, actions: round.actions(), apply, onApplied };
}

function nameOf({ subject }: PlannedRound): string {
  return typeof subject["mapping"] === "string" ? visible(subject["mapping"]) : "a round";
}

function on(at: number): string {
  return `on ${new Date(at).toISOString()}`;
}

async function read(path: string, file: string) {
  try {
    return await readPlanFile(path, file === "-" ? "stdin" : file);
  } catch (error) {
    throw error instanceof Error && "syscall" in error ? ioError(error, `could not read ${visible(file)}`) : error;
  }
}

async function followRound(
  context: Context,
  round: PlannedRound,
  options: { readonly follow: FollowedPlan; readonly dryRun: boolean; readonly force: boolean; readonly all: boolean },
): Promise<ExitCode> {
  const { mapping, mode, source, destination, mirror } = round.subject;
  const shared = { command: "apply", ...options } as const;
  if (typeof mapping === "string" && isMode(mode)) {
    const [now] = await context.mappings([mapping]);
    if (now !== undefined) checkMapping(round, mode, now);
    return runMappings(context, [mapping], { ...shared, modeOf: () => mode });
  }
  if (typeof source === "string" && typeof destination === "string") {
    const rules = { mirror: mirror === true, values: false, excludeDefaults: true, failEmpty: false };
    return runCopy(context, source, destination, { ...shared, ...rules });
  }
  throw new AppError("usage", "a round of the plan is neither of a mapping nor of two locations");
}

/** Throws AppError "plan-outdated" where the config no longer wants what the plan does. */
function checkMapping({ subject, removes }: PlannedRound, mode: Mode, now: MappingConfig): void {
  const name = `mapping "${visible(now.name)}"`;
  const hint = "make the plan again: kvsync plan --out FILE";
  const outdated = (what: string): AppError => new AppError("plan-outdated", `${name} ${what}`, { hint });
  if (now.mode !== mode) throw outdated(`was of mode ${mode}, and is of mode ${now.mode}`);
  if (removes > 0 && mode !== "two-way" && now.delete === "none")
    throw outdated(`was to remove ${countedKeys(removes)}, and is to remove none: delete is none`);
  // Its id is not known where it did not exist; the plan is for the one of that name.
  const { namespace, places } = subject;
  if (typeof namespace === "string" && isToCreate(places) && namespace !== now.namespace)
    throw outdated(`was about the namespace "${visible(namespace)}", and is about "${visible(now.namespace)}"`);
}

function isMode(mode: unknown): mode is Mode {
  return mode === "push" || mode === "pull" || mode === "two-way";
}
