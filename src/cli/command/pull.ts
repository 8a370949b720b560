// kvsync pull: the namespaces of mappings to their folders, one round. Files that are replaced or removed go to the trash.

import type { Command } from "commander";
import type { Start } from "../command-entry.ts";
import { defineRound } from "../round/define-round.ts";

export function define(command: Command, start: Start): void {
  defineRound(command, start, { direction: "pull", emptied: "namespace" });
}
