// kvsync history: what happened to keys, when and why; the newest last, as in a log.

import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import { openControlClient } from "../../daemon/control/control-client.ts";
import { type HistoryLine, type HistoryQuery, openHistory } from "../../journal/history.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { checkMappingName } from "../input/known-mappings.ts";
import { lookAtJournal } from "../round/look-at-journal.ts";
import type { Style } from "../render/output.ts";

interface Options {
  readonly key?: string;
  readonly limit: string;
}

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping]", "Only of this mapping")
    .option("--key <key>", "Only of this key")
    .option("--limit <count>", "How many lines", "50")
    .action((mapping: string | undefined, options: Options) => start((context) => history(context, mapping, options)));
}

async function history(context: Context, mapping: string | undefined, options: Options): Promise<void> {
  const { output } = context;
  const limit = Number(options.limit);
  if (!/^\d{1,6}$/.test(options.limit) || limit === 0)
    throw new AppError("usage", `--limit: "${visible(options.limit)}" is no number of lines`);
  const lines = (await readHistory(context, { mapping, key: options.key, limit })).toReversed();
  for (const line of lines) {
    output.event({ type: "history", ...line, at: new Date(line.at).toISOString() });
    output.line(renderLine(line, output.stdout));
  }
  if (lines.length === 0) {
    if (mapping !== undefined) await checkMappingName(context, mapping);
    const about = options.key === undefined ? "" : ` to key "${visible(options.key)}"`;
    output.note(`nothing has happened${about} yet, as far as the journal remembers`);
  }
  output.event({ type: "summary", command: "history", lines: lines.length });
}

/** From the daemon, whose journal it is; where none runs, from the journal. */
async function readHistory(context: Context, query: HistoryQuery): Promise<readonly HistoryLine[]> {
  const stateDir = await context.stateDir();
  try {
    const client = await openControlClient(stateDir, context.signal);
    try {
      return await client.call({ op: "history", ...query });
    } finally {
      client.close();
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "not-running") throw error;
  }
  return lookAtJournal(context, stateDir, (journal) => openHistory(journal).list(query)) ?? [];
}

function renderLine({ at, mapping, key, side, event, reason, bytes }: HistoryLine, style: Style): string {
  const time = style.dim(new Date(at).toISOString().replace("T", " ").slice(0, 19));
  const where = side === undefined ? "" : ` ${side === "local" ? "in the folder" : "in the namespace"}`;
  const what = key === undefined ? "" : ` ${style.bold(visible(key))}`;
  const size = bytes === undefined ? "" : ` (${renderByteCount(bytes)})`;
  return `${time}  ${visible(mapping)}  ${event}${what}${where}${size}: ${visible(reason)}`;
}
