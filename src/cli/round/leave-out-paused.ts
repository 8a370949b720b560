// What a round from the command line does with mappings that are paused: one that was named is refused, since whoever names it expects
// it to be carried; of all, the others are.

import { visible } from "../../core/errors.ts";
import { pausedError, pausedStatus } from "../../mapping/paused.ts";
import { listPauses, type Pause } from "../../journal/pauses.ts";
import type { Journal } from "../../journal/journal.ts";
import type { PausedStatus } from "../../mapping/status.ts";
import type { Context } from "../context.ts";

/** Throws AppError `paused` if one of `names` is. */
export function refusePaused(journal: Journal | undefined, names: readonly string[]): void {
  const pauses = pausesOf(journal);
  const refused = names.flatMap((name) => pauses.get(name) ?? [])[0];
  if (refused !== undefined) throw pausedError(refused);
}

/** Those of `mappings` that are not paused; of the others it is told. */
export function leaveOutPaused<M extends { readonly name: string }>(
  { output }: Pick<Context, "output">,
  { journal, command }: { readonly journal: Journal; readonly command: string },
  mappings: readonly M[],
): readonly M[] {
  const pauses = pausesOf(journal);
  return mappings.filter(({ name }) => {
    const pause = pauses.get(name);
    if (pause !== undefined) tellLeftOut({ output }, command, name, pausedStatus(pause));
    return pause === undefined;
  });
}

export function tellLeftOut(
  { output }: Pick<Context, "output">,
  command: string,
  mapping: string,
  paused: PausedStatus,
): void {
  const why = paused.reason === null ? "" : `: ${visible(paused.reason)}`;
  output.note(
    `left out: ${visible(mapping)}, which is paused${why}. To go on with it: kvsync resume ${visible(mapping)}`,
  );
  output.event({ type: "summary", command, mapping, paused });
}

function pausesOf(journal: Journal | undefined): ReadonlyMap<string, Pause> {
  return new Map(journal && listPauses(journal).map((pause) => [pause.mapping, pause]));
}
