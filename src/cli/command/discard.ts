// kvsync discard: drops the plan that a mapping is held with, and pauses the mapping, so that nothing is done until a person has seen
// to it. Through the daemon; where none runs, in the journal.

import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { openHolds } from "../../journal/holds.ts";
import type { Journal } from "../../journal/journal.ts";
import { openPauses } from "../../journal/pauses.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { checkMappingName } from "../input/check-mapping-name.ts";
import { byDaemonOrJournal } from "../round/daemon-or-journal.ts";

interface Options {
  readonly plan?: string;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<mapping>", "The mapping that is held")
    .option("--plan <id>", "Only if it is held with this plan, as kvsync status names it")
    .action((mapping: string, { plan }: Options) => start((context) => discard(context, mapping, plan)));
}

async function discard(context: Context, mapping: string, plan: string | undefined): Promise<void> {
  const { output } = context;
  await checkMappingName(context, mapping);
  const { result: dropped } = await byDaemonOrJournal(context, await context.stateDir(), {
    byDaemon: async (client) => (await client.call({ op: "discard", mapping, plan })).plan,
    inJournal: (journal) => discardInJournal(context, journal, mapping, plan),
  });
  const name = visible(mapping);
  output.report(`discarded plan ${dropped} of mapping ${output.stdout.bold(name)}, which is paused now`);
  output.note(
    `put back what is not as it should be, then: kvsync resume ${name}. What is left of it by then is held again`,
  );
  output.event({ type: "summary", command: "discard", mapping, plan: dropped });
}

function discardInJournal({ clock }: Context, journal: Journal, mapping: string, plan: string | undefined): string {
  const hold = openHolds(journal).get(mapping);
  if (hold === undefined)
    throw new AppError("usage", `mapping "${visible(mapping)}" is not held: there is nothing to discard`);
  const id = plan ?? hold.plan;
  if (id !== hold.plan)
    throw new AppError("usage", `mapping "${visible(mapping)}" is held with plan ${hold.plan}, not with ${id}`);
  const pauses = openPauses(journal, clock);
  // In this order: whatever ends the process in between, nothing is carried out.
  pauses.pause(mapping, `plan ${id} was discarded`);
  pauses.discard(mapping, id);
  return id;
}
