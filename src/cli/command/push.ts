// kvsync push: the files of mappings to their namespaces, one round.

import type { Command } from "commander";
import type { Start } from "../command-entry.ts";
import { defineRound } from "../round/define-round.ts";

export function define(command: Command, start: Start): void {
  defineRound(command, start, { direction: "push", emptied: "folder" });
}
