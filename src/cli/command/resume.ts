// kvsync resume: ends the pause of mappings. Through the daemon, which looks at all of each at once; where none runs it is noted in
// the journal.

import type { Command } from "commander";
import { visible } from "../../core/errors.ts";
import { openPauses } from "../../journal/pauses.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { chosenNames } from "../input/chosen-names.ts";
import { checkMappingName } from "../input/check-mapping-name.ts";
import { byDaemonOrJournal } from "../round/daemon-or-journal.ts";
import { lookAtJournal } from "../round/look-at-journal.ts";

interface Options {
  readonly all?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Mappings that are paused")
    .option("--all", "All that are paused")
    .action((names: string[], options: Options) => start((context) => resume(context, names, options)));
}

async function resume(context: Context, names: readonly string[], { all }: Options): Promise<void> {
  const { clock, output } = context;
  const chosen = chosenNames("resume", names, all);
  const stateDir = await context.stateDir();
  const known = lookAtJournal(context, stateDir, (journal) => openPauses(journal, clock).list()) ?? [];
  // One that went from the config while it was paused is known by its pause alone.
  for (const name of chosen) if (!known.some(({ mapping }) => mapping === name)) await checkMappingName(context, name);
  const { result: resumed, isByDaemon } = await byDaemonOrJournal(context, stateDir, {
    byDaemon: async (client) => (await client.call({ op: "resume", mappings: chosen })).resumed,
    inJournal: (journal) => {
      const pauses = openPauses(journal, clock);
      const those = chosen.length > 0 ? chosen : pauses.list().map(({ mapping }) => mapping);
      return those.filter((name) => pauses.resume(name));
    },
  });
  for (const mapping of resumed) {
    output.report(`resumed ${output.stdout.bold(visible(mapping))}`);
    output.event({ type: "resumed", mapping });
  }
  for (const name of chosen) if (!resumed.includes(name)) output.note(`${visible(name)} was not paused`);
  if (chosen.length === 0 && resumed.length === 0) output.note("no mapping is paused");
  if (resumed.length > 0)
    output.note(
      isByDaemon
        ? "all of it is looked at now: kvsync status tells"
        : `no daemon runs: the next kvsync run carries it on, or kvsync sync ${resumed.map(visible).join(" ")}`,
    );
  output.event({ type: "summary", command: "resume", resumed });
}
