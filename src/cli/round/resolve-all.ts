// `kvsync conflicts resolve --all`: one choice for every conflict of a mapping, each resolved by itself, with the versions that were
// listed. What cannot be resolved does not keep the others from it.

import { count, counted } from "../../core/counted.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { ConflictLine, Keep } from "../../mapping/conflicts/conflict-lines.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode, worstExitCode } from "../exit-code.ts";
import { tellResolved } from "../render/tell-resolved.ts";
import type { ConflictPort } from "./conflict-port.ts";

export interface AllChoice {
  readonly mapping: string;
  readonly keep: Keep;
  /** A person is asked first. */
  readonly isAsked: boolean;
}

const KEPT: Readonly<Record<Keep, string>> = {
  local: "the local version of each",
  remote: "the remote version of each",
  both: "both versions of each",
};

export async function resolveAll(
  context: Context,
  port: ConflictPort,
  { mapping, keep, isAsked }: AllChoice,
): Promise<ExitCode> {
  const { output } = context;
  let { conflicts, more } = await port.list(mapping);
  if (conflicts.length === 0) output.note("there is no conflict");
  const inAll = conflicts.length + more;
  const question = `mapping "${visible(mapping)}" has ${counted(inAll, "conflict")}. Keep ${KEPT[keep]}?`;
  if (isAsked && inAll > 0 && !(await context.confirm(question, "add --yes to resolve them without being asked"))) {
    output.note("nothing was changed");
    context.keepFailure(new AppError("failed", "the answer was no: nothing was changed"));
    return EXIT.failed;
  }
  const failed = new Set<string>();
  let resolved = 0;
  for (;;) {
    const open = conflicts.filter((conflict) => !failed.has(nameOf(conflict)));
    for (const conflict of open) {
      if (keep === "local" && isOneOfSeveral(conflict, conflicts)) {
        tellUnresolved(context, conflict, "failed", SEVERAL);
        failed.add(nameOf(conflict));
      } else if (await resolveOne(context, port, conflict, keep)) resolved++;
      else failed.add(nameOf(conflict));
    }
    // What was too much to be listed is found by a look at all keys. "both" leaves a copy, which is what was asked for.
    if (more === 0 || open.length === 0 || keep === "both") break;
    await port.lookAgain(mapping);
    ({ conflicts, more } = await port.list(mapping));
  }
  const left = failed.size + (keep === "both" ? more : 0);
  if (left > 0) {
    output.warn(`${count(left)} of ${count(inAll)} conflicts were not resolved`);
    context.keepFailure(new AppError("conflicts", `${counted(left, "conflict was", "conflicts were")} not resolved`));
  }
  output.event({ type: "summary", command: "conflicts resolve", mapping, resolved, failed: left });
  return worstExitCode([left > 0 ? EXIT.conflicts : EXIT.done, port.hooks()]);
}

/** False: it was not, which is told. Throws what the others would fail of as well. */
async function resolveOne(
  context: Context,
  port: ConflictPort,
  { mapping, key, copy, local, remote }: ConflictLine,
  keep: Keep,
): Promise<boolean> {
  try {
    const shown = { local: local?.fingerprint ?? undefined, remote: remote?.fingerprint ?? undefined };
    tellResolved(context, await port.resolve(mapping, { key, copy: copy ?? undefined, keep, ...shown }));
    return true;
  } catch (error) {
    const isOfKey = error instanceof AppError && OF_ONE_KEY.has(error.code);
    if (!isOfKey || context.signal.aborted) throw error;
    tellUnresolved(context, { mapping, key }, error.code, error.message);
    return false;
  }
}

const SEVERAL = "has several local versions: decide about each by itself, with --copy";

/** Which of them would be the file's in the end is nobody's to guess. */
function isOneOfSeveral({ mapping, key }: ConflictLine, all: readonly ConflictLine[]): boolean {
  return all.filter((other) => other.key === key && other.mapping === mapping).length > 1;
}

function tellUnresolved(
  { output }: Context,
  { mapping, key }: Pick<ConflictLine, "mapping" | "key">,
  code: AppError["code"],
  message: string,
): void {
  output.warn(`  ${visible(key)}: ${visible(message)}`, { type: "problem", mapping, key, code, message });
}

const OF_ONE_KEY: ReadonlySet<AppError["code"]> = new Set(["plan-outdated", "failed", "usage", "io"]);

function nameOf({ key, copy }: ConflictLine): string {
  return JSON.stringify([key, copy]);
}
