// kvsync trash empty: removes what is in the trash for good. Through the daemon, which knows what its rounds have just kept; where none
// runs, under the state lock, so that no round runs at all.

import type { Command } from "commander";
import { count, counted } from "../../core/counted.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { EpochMs } from "../../core/clock.ts";
import { parseDuration, renderByteCount } from "../../core/units.ts";
import { type Emptied, openTrashIndex, type TrashSelection } from "../../journal/trash-index.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { checkMappingName } from "../input/check-mapping-name.ts";
import { askDaemon, withLockedJournal } from "../round/daemon-or-journal.ts";
import { lookAtJournal } from "../round/look-at-journal.ts";

interface Options {
  readonly olderThan?: string;
  readonly yes?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping]", "Only of this mapping; all of the trash unless given")
    .option("--older-than <age>", "Only what was kept longer ago than this (7d, 12h)")
    .option("-y, --yes", "Do not ask")
    .action((mapping: string | undefined, options: Options) => start((context) => empty(context, mapping, options)));
}

async function empty(context: Context, mapping: string | undefined, options: Options): Promise<ExitCode> {
  const { output } = context;
  const until = untilOf(context, options);
  const stateDir = await context.stateDir();
  const size = lookAtJournal(context, stateDir, (journal) =>
    openTrashIndex(journal, stateDir).size({ mapping, until }),
  ) ?? { items: 0, bytes: 0, newest: 0 };
  if (size.items === 0) {
    if (mapping !== undefined) await checkMappingName(context, mapping);
    output.note(`there is nothing${describe(mapping, options)} in the trash`);
    tellSummary(context, mapping, { items: 0, bytes: 0, stay: 0, needed: 0 });
    return EXIT.done;
  }
  if (options.yes !== true) {
    const what = `${counted(size.items, "value")}${describe(mapping, options)} (${renderByteCount(size.bytes)})`;
    const question = `Remove ${what} from the trash for good? Nothing can restore them then.`;
    if (!(await context.confirm(question, "add --yes to empty it without being asked"))) {
      output.note("nothing was removed");
      context.keepFailure(new AppError("failed", "the answer was no: nothing was removed"));
      return EXIT.failed;
    }
  }
  // What is kept meanwhile was not part of the question.
  const selection: TrashSelection = { mapping, until, upTo: size.newest };
  const asked = await askDaemon(context, stateDir, (client) => client.call({ op: "trash-empty", ...selection }));
  const emptied =
    asked?.answer ??
    (await withLockedJournal(context, stateDir, (journal) =>
      openTrashIndex(journal, stateDir).empty(selection, () => undefined, context.clock),
    ));
  output.report(`removed ${counted(emptied.items, "value")} from the trash (${renderByteCount(emptied.bytes)})`);
  if (emptied.stay > 0) output.note(`${count(emptied.stay)} stay: the round that kept them still runs`);
  if (emptied.needed > 0) output.note(`${count(emptied.needed)} stay: a restore that runs is still to bring them back`);
  tellSummary(context, mapping, emptied);
  return EXIT.done;
}

function untilOf({ clock }: Context, { olderThan }: Options): EpochMs | undefined {
  if (olderThan === undefined) return undefined;
  const age = parseDuration(olderThan);
  if (age.kind === "fault") throw new AppError("usage", `--older-than: ${age.message}`);
  return (clock.now() - age.value) as EpochMs;
}

function describe(mapping: string | undefined, { olderThan }: Options): string {
  const of = mapping === undefined ? "" : ` of mapping ${visible(mapping)}`;
  return olderThan === undefined ? of : `${of} kept more than ${olderThan} ago`;
}

function tellSummary({ output }: Context, mapping: string | undefined, { items, bytes, stay, needed }: Emptied): void {
  output.event({ type: "summary", command: "trash empty", mapping, removed: items, bytes, stay, needed });
}
