// A repair of the index from the command line: names the packs that are damaged, and what is left of them.

import { counted } from "../../core/counted.ts";
import { packName } from "../../backup/format/object-names.ts";
import { repairIndex } from "../../backup/repair/repair-index.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { shellWord } from "../../core/shell-word.ts";
import { openUsedRepository } from "./open-repository.ts";

export async function runRepairIndex(context: Context, text: string): Promise<ExitCode> {
  const { clock, output, signal } = context;
  const startedAt = clock.monotonic();
  const used = await openUsedRepository(context, text);
  try {
    const progress = context.openProgress(text);
    const { damaged, ...counts } = await repairIndex(used.repository, {
      signal,
      onStep: ({ done, total }) => progress.update({ phase: "reading", unit: "packs", done, total }),
    }).finally(() => progress.close());
    for (const { pack, message } of damaged) {
      output.event({ type: "damaged", pack: packName(pack), message });
      output.line(`${output.stdout.red("!")} ${packName(pack)} is damaged: ${message}`);
    }
    const packs = `${counted(counts.packs, "pack")} (${renderByteCount(counts.bytes)})`;
    output.report(
      `made the index of ${visible(text)} anew: ${counted(counts.items, "value or page", "values and pages")} in ${packs}`,
    );
    if (counts.removed > 0)
      output.report(
        `removed ${counted(counts.removed, "index object")} that nobody can read, or that told of what is lost`,
      );
    output.event({
      type: "summary",
      command: "repair index",
      repository: text,
      ...counts,
      failed: damaged.length,
      durationMs: Math.round(clock.monotonic() - startedAt),
    });
    if (damaged.length === 0) return EXIT.done;
    const what = `${counted(damaged.length, "pack")} of ${visible(text)}`;
    context.keepFailure(
      new AppError("incomplete", `${what} cannot be indexed as a whole`, {
        hint: `see which snapshots and keys that is about: kvsync check ${shellWord(text)}`,
      }),
    );
    return EXIT.incomplete;
  } finally {
    await used.close();
  }
}
