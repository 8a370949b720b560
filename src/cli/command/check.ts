// kvsync check: whether two locations hold the same. Reads stamps, or with --values every value.

import type { Command } from "commander";
import type { Start } from "../command-entry.ts";
import { runCopy } from "../run-copy.ts";

export function define(command: Command, start: Start): void {
  command
    .argument("<source>", "ACCOUNT:NAMESPACE[/PREFIX], or a folder (./x, /x)")
    .argument("<destination>", "Likewise")
    .option("--values", "Read and compare the values themselves, whatever their stamps say")
    .option("--no-exclude-defaults", "Compare also .git, .env, node_modules/ and editors' files")
    .action(
      (
        source: string,
        destination: string,
        { values = false, excludeDefaults }: { readonly values?: boolean; readonly excludeDefaults: boolean },
      ) =>
        start((context) =>
          runCopy(context, source, destination, {
            command: "check",
            mirror: true,
            dryRun: true,
            force: false,
            values,
            excludeDefaults,
          }),
        ),
    );
}
