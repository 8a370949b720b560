// kvsync pause: nothing is done of mappings until they are resumed. Through the daemon; where none runs it is noted in the journal,
// and the next kvsync goes by it.

import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { checkPauseReason } from "../../mapping/paused.ts";
import { openPauses } from "../../journal/pauses.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { chosenNames } from "../input/chosen-names.ts";
import { checkMappingName } from "../input/check-mapping-name.ts";
import { knownMappings } from "../../config/known-mappings.ts";
import { byDaemonOrJournal } from "../round/daemon-or-journal.ts";

interface Options {
  readonly all?: boolean;
  readonly reason?: string;
}

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Mappings of the config")
    .option("--all", "All mappings that there are now")
    .option("--reason <text>", "Why, for whoever asks how they stand")
    .action((names: string[], options: Options) => start((context) => pause(context, names, options)));
}

async function pause(context: Context, names: readonly string[], { all, reason }: Options): Promise<void> {
  const { clock, output } = context;
  const chosen = chosenNames("pause", names, all);
  if (reason !== undefined) checkPauseReason(reason);
  const stateDir = await context.stateDir();
  for (const name of chosen) await checkMappingName(context, name);
  const those = chosen.length > 0 ? chosen : knownMappings(await context.config()).map(({ name }) => name);
  if (those.length === 0) throw new AppError("usage", "there is no mapping to pause", { hint: "see: kvsync status" });
  const { result: paused, isByDaemon } = await byDaemonOrJournal(context, stateDir, {
    byDaemon: async (client) => (await client.call({ op: "pause", mappings: chosen, reason })).paused,
    inJournal: (journal) => {
      const pauses = openPauses(journal, clock);
      return those.map((name) => pauses.pause(name, reason).mapping);
    },
  });
  for (const mapping of paused) {
    output.report(`paused ${output.stdout.bold(visible(mapping))}`);
    output.event({ type: "paused", mapping });
  }
  const goOn = all === true ? "kvsync resume --all" : `kvsync resume ${paused.map(visible).join(" ")}`;
  output.note(
    `${isByDaemon ? "nothing of it runs, and nothing will" : "no daemon runs, and none will carry it on"} until: ${goOn}`,
  );
  output.event({ type: "summary", command: "pause", paused });
}
