// kvsync trash list: what was replaced or removed and kept.

import type { Command } from "commander";
import { visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import { openTrashIndex, type TrashItem } from "../../journal/trash-index.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { checkMappingName } from "../input/check-mapping-name.ts";
import { parseCount } from "../input/parse-count.ts";
import { parseTimeRange, TIME_FORMS } from "../input/time-argument.ts";
import { lookAtJournal } from "../round/look-at-journal.ts";
import type { Style } from "../render/output.ts";
import { shownTime } from "../render/shown-time.ts";

interface Options {
  readonly key?: string;
  readonly prefix?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
}

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping]", "Only of this mapping")
    .option("--key <key>", "Only of this key")
    .option("--prefix <prefix>", "Only of keys that begin so")
    .option("--since <time>", `Kept not before this: ${TIME_FORMS}`)
    .option("--until <time>", "Kept not after this: of a day, not after its end")
    .option("--limit <count>", "How many, the newest of them", "50")
    .action((mapping: string | undefined, options: Options) => start((context) => list(context, mapping, options)));
}

async function list(context: Context, mapping: string | undefined, options: Options): Promise<void> {
  const { output, clock } = context;
  const { key, prefix } = options;
  const limit = parseCount(options.limit, "--limit");
  const query = { mapping, key, prefix, ...parseTimeRange(options, clock.now()), limit };
  const stateDir = await context.stateDir();
  const items = lookAtJournal(context, stateDir, (journal) => openTrashIndex(journal, stateDir).list(query)) ?? [];
  for (const item of items) {
    output.event({ type: "trash", ...item, savedAt: new Date(item.savedAt).toISOString() });
    output.line(renderItem(item, output.stdout));
  }
  if (items.length === 0) {
    if (mapping !== undefined) await checkMappingName(context, mapping);
    output.note(`there is nothing${describe(options)} in the trash`);
  } else output.note("kvsync trash restore NUMBER writes one back");
  output.event({ type: "summary", command: "trash list", items: items.length });
}

function describe({ key, prefix, since, until }: Options): string {
  const parts = [
    key === undefined ? "" : ` of key "${visible(key)}"`,
    prefix === undefined ? "" : ` of keys that begin with "${visible(prefix)}"`,
    since === undefined ? "" : ` since ${visible(since)}`,
    until === undefined ? "" : ` until ${visible(until)}`,
  ];
  return parts.join("");
}

function renderItem({ id, mapping, key, side, reason, size, savedAt }: TrashItem, style: Style): string {
  const time = style.dim(shownTime(savedAt));
  const what = `${reason} in ${visible(side)}`;
  return `${String(id).padStart(5)}  ${time}  ${visible(mapping)}  ${style.bold(visible(key))} (${renderByteCount(size)}), ${what}`;
}
