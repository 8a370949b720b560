// kvsync trash restore: writes a value of the trash back to the folder of its mapping, or to any file; with --at, all files of a mapping as
// they were at a time. Through the daemon; where none runs, under the state lock.

import { kvsyncCommand } from "../../core/shell-word.ts";
import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { openTrashIndex, type TrashItem } from "../../journal/trash-index.ts";
import { mappingOfItem, noSuchItem, type RestoredItem, restoreItems } from "../../mapping/restore-items.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import type { ExitCode } from "../exit-code.ts";
import { parseCount } from "../input/parse-count.ts";
import { TIME_FORMS } from "../input/time-argument.ts";
import { askDaemon, withLockedJournal } from "../round/daemon-or-journal.ts";
import { lookAtJournal } from "../round/look-at-journal.ts";
import { type RestoreAtOptions, restoreAt } from "../round/restore-at.ts";
import { restoreToFile } from "../round/restore-to-file.ts";

interface Options extends RestoreAtOptions {
  readonly to?: string;
  readonly force?: boolean;
  readonly replace?: boolean;
  readonly at?: string;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<what>", "A number of kvsync trash list; with --at, a mapping")
    .option("--replace", "Also where a file is there: that is kept in the trash first, and then replaced")
    .option("--to <file>", "Write it there (- is stdout) rather than to where it was in the folder of its mapping")
    .option("--force", "With --to -: also what is no text, to a terminal")
    .option("--at <time>", `All files of a mapping as they were then, as far as the trash knows: ${TIME_FORMS}`)
    .option("--prefix <prefix>", "With --at: only keys that begin so")
    .option("--key <key>", "With --at: only this key")
    .option("--dry-run", "With --at: list what would be written, and write nothing")
    .option("-y, --yes", "With --at: do not ask")
    .action((what: string, options: Options) => start((context) => restore(context, what, options)));
}

async function restore(context: Context, what: string, options: Options): Promise<ExitCode | void> {
  const { to, at, replace = false, force = false } = options;
  if (at !== undefined) {
    checkAlone(options);
    return restoreAt(context, what, { ...options, at });
  }
  checkNoRange(what, options);
  const id = parseCount(what, "the number");
  if (to !== undefined && replace) throw new AppError("usage", "--to names a new file: --replace replaces none");
  const { output } = context;
  const stateDir = await context.stateDir();
  const { item, bytes } = findItem(context, stateDir, id, to !== undefined);
  if (to !== undefined) {
    const file = await restoreToFile(context, item, bytes!, { to, force });
    if (file !== undefined) tell(context, item, file, true);
    return;
  }
  const asked = await askDaemon(context, stateDir, (client) => client.call({ op: "trash-restore", id, replace }));
  const { file, outcome, hasExpired, mode } = asked?.answer ?? (await restoreAlone(context, stateDir, item, replace));
  if (hasExpired) output.note("its expiration has passed: it is restored without one");
  if (mode === "pull")
    output.warn(`mapping "${visible(item.mapping)}" pulls: its next round may replace the file again`);
  tell(context, item, file, outcome === "written");
}

/** `reads`: its bytes, too. */
function findItem(
  context: Context,
  stateDir: string,
  id: number,
  reads: boolean,
): { readonly item: TrashItem; readonly bytes: Uint8Array | undefined } {
  const found = lookAtJournal(context, stateDir, (journal) => {
    const index = openTrashIndex(journal, stateDir);
    const item = index.get(id);
    return item && { item, bytes: reads ? index.read(item) : undefined };
  });
  if (found === undefined) throw noSuchItem(id);
  return found;
}

async function restoreAlone(
  context: Context,
  stateDir: string,
  item: TrashItem,
  replace: boolean,
): Promise<Omit<RestoredItem, "outcome"> & { readonly outcome: "written" | "same" }> {
  const mapping = mappingOfItem(await context.config(), item);
  const { clock, signal } = context;
  const [restored] = await withLockedJournal(context, stateDir, (journal) =>
    restoreItems({ clock, journal, stateDir, signal }, mapping, [item], { replace }),
  );
  const { outcome } = restored!;
  if (outcome instanceof AppError) throw outcome;
  return { ...restored!, outcome };
}

function tell({ output }: Context, { mapping, key, size }: TrashItem, file: string, isWritten: boolean): void {
  const name = output.stdout.bold(visible(key));
  output.report(
    isWritten ? `restored ${name} to ${visible(file)}` : `${visible(file)} holds that value of ${name} already`,
  );
  output.event({
    type: "summary",
    command: "trash restore",
    mapping,
    key,
    file,
    bytes: size,
    written: Number(isWritten),
  });
}

function checkAlone({ to, replace, force }: Options): void {
  if (to !== undefined) throw new AppError("usage", "--to takes one value, and --at is about all of a mapping");
  if (force === true) throw new AppError("usage", "--force is for --to -");
  if (replace === true)
    throw new AppError("usage", "--at replaces files in any case, each of which is kept in the trash first");
}

function checkNoRange(what: string, { prefix, key, dryRun, yes }: Options): void {
  const given = { "--prefix": prefix, "--key": key, "--dry-run": dryRun, "--yes": yes };
  const [option] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
  if (option === undefined) return;
  throw new AppError("usage", `${option} is for kvsync trash restore MAPPING --at TIME`, {
    hint: `say of what time: ${kvsyncCommand("trash restore", [what], ["--at", "2h"])}`,
  });
}
