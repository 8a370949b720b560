// kvsync approve: lets the plan run that a mapping is held with. Through the daemon; where none runs it is noted, and the
// next `kvsync run` or `kvsync sync` carries it out.

import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { type OutcomeError, readMappingOutcome } from "../../mapping/mapping-outcome.ts";
import { type Hold, openHolds } from "../../journal/holds.ts";
import type { Journal } from "../../journal/journal.ts";
import { listPauses } from "../../journal/pauses.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { byDaemonOrJournal } from "../round/daemon-or-journal.ts";

interface Options {
  readonly plan?: string;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<mapping>", "The mapping that is held")
    .option("--plan <id>", "Only if it is held with this plan, as kvsync status names it")
    .action((mapping: string, { plan }: Options) => start((context) => approve(context, mapping, plan)));
}

async function approve(context: Context, mapping: string, plan: string | undefined): Promise<void> {
  const { output } = context;
  const { result: approved, isByDaemon } = await byDaemonOrJournal(context, await context.stateDir(), {
    byDaemon: (client) => client.call({ op: "approve", mapping, plan }),
    inJournal: (journal) => approveInJournal(journal, mapping, plan),
  });
  output.report(`approved plan ${approved.plan} of mapping ${output.stdout.bold(mapping)}`);
  output.note(
    approved.paused
      ? `the mapping is paused: it runs after kvsync resume ${visible(mapping)}, unless something has changed`
      : isByDaemon
        ? "it runs now, unless something has changed: kvsync status tells"
        : `no daemon runs: it is carried out by the next kvsync run, or by kvsync sync ${mapping}`,
  );
  output.event({ type: "summary", command: "approve", mapping, plan: approved.plan });
}

function approveInJournal(
  journal: Journal,
  mapping: string,
  plan: string | undefined,
): { readonly plan: string; readonly paused: boolean } {
  const holds = openHolds(journal);
  const hold = holds.get(mapping);
  if (hold === undefined) throw notHeld(mapping, holds.list(), readMappingOutcome(journal, mapping)?.error);
  const id = plan ?? hold.plan;
  if (!holds.approve(mapping, id))
    throw new AppError("usage", `mapping "${mapping}" is held with plan ${hold.plan}, not with ${id}`);
  return { plan: id, paused: listPauses(journal).some((pause) => pause.mapping === mapping) };
}

/** The one hold that is not the mapping's. */
const OF_PLAN = "A plan that kvsync apply holds runs with: kvsync apply FILE --force";

function notHeld(mapping: string, holds: readonly Hold[], error: OutcomeError | null | undefined): AppError {
  if (error !== null && error !== undefined) {
    return new AppError("usage", `mapping "${mapping}" is not held: its last round failed, ${error.message}`, {
      hint: `look at it anew with kvsync sync ${mapping}; if that holds it, kvsync approve ${mapping} lets the plan run`,
    });
  }
  const others = holds.map((hold) => hold.mapping).join(", ");
  return new AppError("usage", `mapping "${mapping}" is not held: there is nothing to approve`, {
    hint: `${others === "" ? "no mapping of this state folder is held" : `held are: ${others}`}. ${OF_PLAN}`,
  });
}
