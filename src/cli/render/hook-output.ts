// What hooks of a one-shot command tell: their course in detail, and a failure for people, for programs and in the exit code.

import { AppError, visible } from "../../core/errors.ts";
import type { HookLog } from "../../mapping/hooks/hook-log.ts";
import type { HookFailure } from "../../mapping/hooks/hook-queue.ts";
import type { Context } from "../context.ts";

/** What hooks say as they run. `name`: what they are about. With --json a warning is told when they have ended. */
export function openHookLog({ output }: Pick<Context, "output">, name: string): HookLog {
  const detail = (message: string): void => output.detail(`${visible(name)}: ${message}`);
  const warn = (message: string): void => {
    if (!output.json) output.warn(`${visible(name)}: ${message}`);
  };
  return { debug: detail, info: detail, warn, error: warn };
}

export interface FailedHook {
  /** What it is about, and its name. */
  readonly kind: "mapping" | "backup" | "migration";
  readonly name: string;
  /** `on_change` */
  readonly hook: string;
  readonly failure: HookFailure;
}

export function tellHookFailure(
  { output, keepFailure }: Pick<Context, "output" | "keepFailure">,
  { kind, name, hook, failure: { reason, stderr } }: FailedHook,
): void {
  if (stderr !== "" || output.json)
    output.warn(stderr, { type: "hook-failed", [kind]: name, hook, message: reason, stderr });
  keepFailure(new AppError("hook-failed", `${visible(name)}: ${hook} ${reason}`));
}
