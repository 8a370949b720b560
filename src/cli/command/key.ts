// `kvsync key`: single keys.

import type { Command } from "commander";
import { addCommands, type CommandEntry, type Start } from "../command-entry.ts";

const commands: readonly CommandEntry[] = [
  { name: "list", summary: "List keys, in order", load: () => import("./key-list.ts") },
  { name: "get", summary: "Write a key's value to stdout or a file", load: () => import("./key-get.ts") },
  { name: "put", summary: "Write a value, with metadata and expiration", load: () => import("./key-put.ts") },
  { name: "delete", summary: "Delete keys", load: () => import("./key-delete.ts") },
  { name: "metadata", summary: "Show a key's metadata", load: () => import("./key-metadata.ts") },
];

export function define(command: Command, start: Start): void {
  addCommands(command, commands, start);
}
