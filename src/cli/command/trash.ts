// kvsync trash: what was replaced or removed and kept, and how to get it back.

import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import { openTrashIndex, type TrashItem } from "../../journal/trash-index.ts";
import { addCommands, type Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { checkMappingName } from "../input/check-mapping-name.ts";
import { lookAtJournal } from "../round/look-at-journal.ts";
import type { Style } from "../render/output.ts";
import { shownTime } from "../render/shown-time.ts";
import { restoreItem } from "../round/restore-item.ts";

interface ListOptions {
  readonly key?: string;
  readonly limit: string;
}

interface RestoreOptions {
  readonly to?: string;
  readonly force?: boolean;
}

export function define(command: Command, start: Start): void {
  addCommands(
    command,
    [
      {
        name: "list",
        summary: "List what is in the trash, the newest first",
        load: async () => ({ define: defineList }),
      },
      { name: "restore", summary: "Write a value from the trash back", load: async () => ({ define: defineRestore }) },
    ],
    start,
  );
}

function defineList(command: Command, start: Start): void {
  command
    .argument("[mapping]", "Only of this mapping")
    .option("--key <key>", "Only of this key")
    .option("--limit <count>", "How many", "50")
    .action((mapping: string | undefined, options: ListOptions) => start((context) => list(context, mapping, options)));
}

function defineRestore(command: Command, start: Start): void {
  command
    .argument("<id>", "Its number in kvsync trash list")
    .option("--to <file>", "Write it there (- is stdout) rather than to where it was in the folder of its mapping")
    .option("--force", "With --to -: also what is no text, to a terminal")
    .action((id: string, options: RestoreOptions) => start((context) => restore(context, id, options)));
}

async function list(context: Context, mapping: string | undefined, { key, limit }: ListOptions): Promise<void> {
  const { output } = context;
  const query = { mapping, key, limit: parseCount(limit, "--limit") };
  const stateDir = await context.stateDir();
  const items = lookAtJournal(context, stateDir, (journal) => openTrashIndex(journal, stateDir).list(query)) ?? [];
  for (const item of items) {
    output.event({ type: "trash", ...item, savedAt: new Date(item.savedAt).toISOString() });
    output.line(renderItem(item, output.stdout));
  }
  if (items.length === 0) {
    if (mapping !== undefined) await checkMappingName(context, mapping);
    const about = key === undefined ? "" : ` of key "${visible(key)}"`;
    output.note(`there is nothing${about} in the trash`);
  } else output.note("kvsync trash restore NUMBER writes one back");
  output.event({ type: "summary", command: "trash list", items: items.length });
}

async function restore(context: Context, id: string, { to, force = false }: RestoreOptions): Promise<void> {
  const { stateDir } = await context.config();
  const number = parseCount(id, "the number");
  const found = lookAtJournal(context, stateDir, (journal) => {
    const index = openTrashIndex(journal, stateDir);
    const item = index.get(number);
    return item === undefined ? undefined : { item, bytes: index.read(item) };
  });
  if (found === undefined) {
    throw new AppError("usage", `there is no number ${id} in the trash`, {
      hint: "kvsync trash list shows what there is",
    });
  }
  const path = await restoreItem(context, found.item, found.bytes, { to, force });
  const { output } = context;
  if (path === undefined) return;
  output.report(`restored ${output.stdout.bold(visible(found.item.key))} to ${visible(path)}`);
  const { mapping, key, size } = found.item;
  output.event({ type: "summary", command: "trash restore", mapping, key, file: path, bytes: size });
}

function renderItem({ id, mapping, key, side, reason, size, savedAt }: TrashItem, style: Style): string {
  const time = style.dim(shownTime(savedAt));
  const what = `${reason} in ${visible(side)}`;
  return `${String(id).padStart(5)}  ${time}  ${visible(mapping)}  ${style.bold(visible(key))} (${renderByteCount(size)}), ${what}`;
}

function parseCount(text: string, noun: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new AppError("usage", `${noun}: "${visible(text)}" is no whole number above 0`);
}
