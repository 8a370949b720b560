// kvsync ls: the keys of a snapshot, in order.

import { counted } from "../../core/counted.ts";
import type { Command } from "commander";
import { openPageCache, openSnapshotPages, isDamage } from "../../backup/snapshot/snapshot-pages.ts";
import type { PageEntry } from "../../backup/repository/repository.ts";
import { AppError, visible } from "../../core/errors.ts";
import { findNamedSnapshot, parseSnapshotArgument } from "../backup/open-snapshot.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { plainFault } from "../input/key-form.ts";
import { printableJson } from "../render/printable-json.ts";

interface Options {
  readonly null?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<snapshot>", "REPO@latest, REPO@2026-11-01T12:00 or REPO@ID")
    .argument("[prefix]", "Only keys that begin with exactly this")
    .option("-0, --null", "end each name with a NUL byte rather than a line break, which a key may contain")
    .action((snapshot: string, prefix: string | undefined, options: Options) =>
      start((context) => listSnapshot(context, snapshot, prefix ?? "", options)),
    );
}

async function listSnapshot(
  context: Context,
  text: string,
  prefix: string,
  { null: nulls = false }: Options,
): Promise<ExitCode> {
  const { output, clock, signal } = context;
  const startedAt = clock.monotonic();
  const { used, snapshot, label } = await findNamedSnapshot(context, parseSnapshotArgument(text));
  try {
    const pages = openSnapshotPages(snapshot, openPageCache(await used.reader()));
    const form = { json: output.json, nulls, terminal: output.stdout.isTerminal };
    let [keys, lost] = [0, 0];
    for (let page = 0; page < pages.count; page++) {
      signal.throwIfAborted();
      const entries = await pages.load(page).catch((error: unknown) => {
        if (!isDamage(error)) throw error;
        lost += snapshot.pages[page]!.entries;
        output.warn(`  ${output.stderr.red("!")} page ${page + 1}: ${visible(error.message)}`);
        return [];
      });
      const shown = entries.filter(({ key }) => key.startsWith(prefix));
      keys += shown.length;
      if (shown.length > 0) await output.write(shown.map((entry) => renderEntry(entry, form)).join(""));
    }
    const durationMs = Math.round(clock.monotonic() - startedAt);
    const { id } = snapshot;
    output.event({
      type: "summary",
      command: "ls",
      repository: used.label,
      snapshot: id,
      keys,
      failed: lost,
      durationMs,
    });
    if (lost === 0) return EXIT.done;
    context.keepFailure(
      new AppError(
        "incomplete",
        `${counted(lost, "key")} of ${visible(label)} ${lost === 1 ? "is" : "are"} in pages that cannot be read`,
      ),
    );
    return EXIT.incomplete;
  } finally {
    await used.close();
  }
}

interface Form {
  readonly json: boolean;
  readonly nulls: boolean;
  readonly terminal: boolean;
}

function renderEntry({ key, sha256, size, binary, expiration, metadata }: PageEntry, form: Form): string {
  const { json, nulls, terminal } = form;
  if (json) {
    const shown = JSON.stringify({
      type: "key",
      key,
      sha256,
      size,
      binary,
      ...(expiration !== undefined && { expiration }),
    });
    return `${printableJson(metadata === undefined ? shown : `${shown.slice(0, -1)},"metadata":${metadata}}`)}\n`;
  }
  if (terminal && !nulls) return `${visible(key)}\n`;
  const fault = plainFault(key, nulls);
  if (fault === undefined) return `${key}${nulls ? "\0" : "\n"}`;
  throw new AppError("usage", `the key "${visible(key)}" cannot be printed as it is: it ${fault}`, {
    hint: `write kvsync ls --json${nulls ? "" : ", or kvsync ls -0"}`,
  });
}
