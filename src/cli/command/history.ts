// kvsync history: what happened to keys, when and why; the newest last, as in a log.

import { type Command, Option } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import {
  HISTORY_EVENTS,
  type HistoryEvent,
  type HistoryLine,
  type HistoryQuery,
  openHistory,
} from "../../journal/history.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { checkMappingName } from "../input/check-mapping-name.ts";
import { parseMoment, parseTimeRange, TIME_FORMS } from "../input/time-argument.ts";
import { askOrLook } from "../round/daemon-or-journal.ts";
import type { Style } from "../render/output.ts";
import { shownTime } from "../render/shown-time.ts";

interface Options {
  readonly key?: string;
  readonly text?: string;
  readonly event?: HistoryEvent;
  readonly since?: string;
  readonly until?: string;
  readonly at?: string;
  readonly limit?: string;
}

const LINES_SHOWN = 50;

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping]", "Only of this mapping")
    .option("--key <key>", "Only of this key")
    .option("--text <text>", "Only of keys with this in them, case and all")
    .addOption(new Option("--event <event>", "Only lines of this kind").choices(HISTORY_EVENTS))
    .option("--since <time>", `Not before this: ${TIME_FORMS}`)
    .option("--until <time>", "Not after this: of a day, not after its end")
    .option(
      "--at <time>",
      "How things stood then: with --key, the last line about it up to then; without, the last lines",
    )
    .option("--limit <count>", `How many lines, the newest of them; ${LINES_SHOWN} unless given`)
    .action((mapping: string | undefined, options: Options) => start((context) => history(context, mapping, options)));
}

async function history(context: Context, mapping: string | undefined, options: Options): Promise<void> {
  const { output } = context;
  const query = queryOf(context, mapping, options);
  const lines = (await readHistory(context, query)).toReversed();
  for (const line of lines) {
    output.event({ type: "history", ...line, at: new Date(line.at).toISOString() });
    output.line(renderLine(line, output.stdout));
  }
  if (lines.length === 0) {
    if (mapping !== undefined) await checkMappingName(context, mapping);
    output.note(`nothing has happened${describe(options)}, as far as the journal remembers`);
  }
  output.event({ type: "summary", command: "history", lines: lines.length });
}

function queryOf({ clock }: Context, mapping: string | undefined, options: Options): HistoryQuery {
  const { key, text, event, since, until, at, limit } = options;
  if (at !== undefined && (since !== undefined || until !== undefined))
    throw new AppError(
      "usage",
      "--at is a moment, and --since and --until are a range: only one of the two can be meant",
    );
  const now = clock.now();
  const range = at === undefined ? parseTimeRange({ since, until }, now) : { until: parseMoment("--at", at, now) };
  const wanted = at !== undefined && key !== undefined ? 1 : LINES_SHOWN;
  return { mapping, key, text, event, ...range, limit: limit === undefined ? wanted : parseLimit(limit) };
}

function parseLimit(text: string): number {
  if (/^\d{1,6}$/.test(text) && Number(text) > 0) return Number(text);
  throw new AppError("usage", `--limit: "${visible(text)}" is no number of lines`);
}

/** What was asked for, but for the mapping. */
function describe({ key, text, event, since, until, at }: Options): string {
  const parts = [
    event === undefined ? "" : ` of the kind "${event}"`,
    key === undefined ? "" : ` to key "${visible(key)}"`,
    text === undefined ? "" : ` to a key with "${visible(text)}" in it`,
    since === undefined ? "" : ` since ${visible(since)}`,
    until === undefined ? "" : ` until ${visible(until)}`,
    at === undefined ? "" : ` up to ${visible(at)}`,
  ];
  return parts.join("");
}

/** From the daemon, whose journal it is; where none runs, from the journal. */
async function readHistory(context: Context, query: HistoryQuery): Promise<readonly HistoryLine[]> {
  const stateDir = await context.stateDir();
  const lines = await askOrLook(
    context,
    stateDir,
    (client) => client.call({ op: "history", ...query }),
    (journal) => openHistory(journal).list(query),
  );
  return lines ?? [];
}

function renderLine({ at, mapping, key, side, event, reason, bytes }: HistoryLine, style: Style): string {
  const time = style.dim(shownTime(at));
  const where = side === undefined ? "" : ` ${side === "local" ? "in the folder" : "in the namespace"}`;
  const what = key === undefined ? "" : ` ${style.bold(visible(key))}`;
  const size = bytes === undefined ? "" : ` (${renderByteCount(bytes)})`;
  return `${time}  ${visible(mapping)}  ${event}${what}${where}${size}: ${visible(reason)}`;
}
