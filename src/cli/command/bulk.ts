// `kvsync bulk`: many keys with as few requests as there can be.

import type { Command } from "commander";
import { addCommands, type CommandEntry, type Start } from "../command-entry.ts";

const commands: readonly CommandEntry[] = [
  { name: "put", summary: "Write the pairs of a file", load: () => import("./bulk-put.ts") },
  { name: "get", summary: "Print keys with their values as lines of JSON", load: () => import("./bulk-get.ts") },
  { name: "delete", summary: "Delete the keys that a file lists", load: () => import("./bulk-delete.ts") },
];

export function define(command: Command, start: Start): void {
  addCommands(command, commands, start);
}
