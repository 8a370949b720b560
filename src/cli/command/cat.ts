// kvsync cat: a value of a snapshot, as it is.

import type { Command } from "commander";
import { openPageCache, openSnapshotPages } from "../../backup/snapshot/snapshot-pages.ts";
import { AppError, visible } from "../../core/errors.ts";
import { findNamedSnapshot, parseSnapshotArgument } from "../backup/open-snapshot.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { parseKeyArgument } from "../input/key-argument.ts";
import { shellWord } from "../../core/shell-word.ts";
import { writeValue } from "../render/terminal-text.ts";

interface Options {
  readonly force?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<snapshot>", "REPO@latest, REPO@2026-11-01T12:00 or REPO@ID")
    .argument("<key>")
    .option("--force", "show it on a terminal even if it is binary or has control characters")
    .action((snapshot: string, key: string, options: Options) =>
      start((context) => printValue(context, snapshot, key, options)),
    );
}

async function printValue(context: Context, text: string, keyText: string, { force = false }: Options): Promise<void> {
  const key = parseKeyArgument(keyText);
  const { used, snapshot, label } = await findNamedSnapshot(context, parseSnapshotArgument(text));
  try {
    const reader = await used.reader();
    const found = await openSnapshotPages(snapshot, openPageCache(reader)).find(key);
    if (found === undefined) {
      throw new AppError("key-not-found", `there is no key "${visible(key)}" in ${visible(label)}`, {
        hint: `see what there is: kvsync ls ${shellWord(text)}`,
      });
    }
    const bytes = await reader.value(found.sha256, found.size);
    const what = `the value of "${visible(key)}" in ${visible(label)}`;
    const hint = "write it to a file: add > FILE; --force shows it all the same";
    if (context.output.stdout.isTerminal) await writeValue(context.output, bytes, { what, force, hint });
    else await context.output.write(bytes);
  } finally {
    await used.close();
  }
}
