// A plan that a guard holds, or would hold: why, and what to type next. For people and, with --json, for programs.

import { shellWord } from "../../core/shell-word.ts";
import type { Style } from "./output.ts";

export interface Held {
  /** The guard's name, as the config and the status say it. */
  readonly guard: string;
  /** In lower case: `320 keys would be removed from the folder, and 80 are allowed (max_delete)`. */
  readonly reason: string;
  /** What to do if it is not meant; undefined: nothing is known. */
  readonly advice?: string | undefined;
  /** The id that `kvsync approve` knows the plan by; undefined: it cannot be approved. */
  readonly plan?: string | undefined;
}

export interface HeldRun {
  readonly mapping: string | undefined;
  readonly dryRun: boolean;
  /** The command that carries it out, as it is to be typed. */
  readonly again: string;
}

export function heldRecord({ guard, reason, advice, plan }: Held, { mapping, dryRun, again }: HeldRun): object {
  const hint = `to let it pass, type: ${again} --force`;
  return { type: "held", mapping, plan, guard, reason, advice, hint, ...(dryRun && { dryRun }) };
}

/** Lines for stderr. */
export function renderHeld({ reason, advice, plan }: Held, run: HeldRun, style: Style): string {
  const { dryRun, mapping, again } = run;
  const held = plan === undefined ? "held" : `held as plan ${plan}`;
  const lines = [`  ${dryRun ? "would be held" : `${held}, and nothing was changed`}: ${reason}`];
  if (advice !== undefined) lines.push(`  ${style.bold("hint:")} ${advice}`);
  if (!dryRun) lines.push(renderHint("To see the whole plan, type:", `${again} --dry-run`, style));
  if (plan !== undefined && mapping !== undefined)
    lines.push(
      renderHint(
        "To let exactly this plan run, type:",
        `kvsync approve ${shellWord(mapping)} --plan ${plan} && ${again}`,
        style,
      ),
    );
  lines.push(renderHint("To let it pass whatever it does, type:", `${again} --force`, style));
  return lines.join("\n");
}

/** A sentence, and the command on a line of its own. */
export function renderHint(sentence: string, command: string, style: Style): string {
  return `  ${style.bold("hint:")} ${sentence}\n    ${command}`;
}
