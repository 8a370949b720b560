// kvsync repair: what can be made anew of a damaged repository.

import type { Command } from "commander";
import { REPOSITORY_FORMS } from "../../backup/store/open-store.ts";
import { runRepairIndex } from "../backup/run-repair-index.ts";
import { addCommands, type Start } from "../command-entry.ts";

export function define(command: Command, start: Start): void {
  const summary = "Make the index of a repository anew, from its packs alone";
  addCommands(command, [{ name: "index", summary, load: async () => ({ define: defineIndex }) }], start);
}

function defineIndex(command: Command, start: Start): void {
  command
    .argument("<repository>", REPOSITORY_FORMS)
    .action((repository: string) => start((context) => runRepairIndex(context, repository)));
}
