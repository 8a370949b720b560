// kvsync trash: what was replaced or removed and kept, and how to get it back.

import type { Command } from "commander";
import { addCommands, type Start } from "../command-entry.ts";

export function define(command: Command, start: Start): void {
  addCommands(
    command,
    [
      {
        name: "list",
        summary: "List what is in the trash, the newest first",
        load: () => import("./trash-list.ts"),
      },
      {
        name: "restore",
        summary: "Write a value from the trash back, or all of a mapping as it was at a time",
        load: () => import("./trash-restore.ts"),
      },
      {
        name: "empty",
        summary: "Remove what is in the trash for good",
        load: () => import("./trash-empty.ts"),
      },
    ],
    start,
  );
}
