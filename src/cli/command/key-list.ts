// `kvsync key list`: the keys of a namespace in order, a page at a time.

import process from "node:process";
import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { unstampMetadata } from "../../core/stamp.ts";
import { LIST_PAGE_KEYS_MAX } from "../../core/limits.ts";
import type { ListedKey } from "../../kv/kv-api.ts";
import { openListingGuard } from "../../kv/listing-guard.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { plainFault } from "../input/key-form.ts";
import { addNamespaceOption, type NamespaceOption } from "../input/namespace-option.ts";
import type { LongKeys } from "../render/long-keys.ts";
import { printableJson } from "../render/printable-json.ts";

interface Options extends NamespaceOption {
  readonly prefix?: string;
  readonly limit?: string;
  readonly null?: boolean;
  readonly long?: boolean;
}

export function define(command: Command, start: Start): void {
  addNamespaceOption(command)
    .argument(
      "[location]",
      "the same as -n; may name a folder, prod:app-config/pages/, or the start of keys, 'prod:app-config/pag*'",
    )
    .option("--prefix <prefix>", "only keys that begin with exactly this, as in the API: app is also apple")
    .option("--limit <count>", "only the first keys")
    .option("-0, --null", "end each name with a NUL byte rather than a line break, which a key may contain")
    .option(
      "-l, --long",
      "size (where the key has a stamp, else -), expiration and metadata, too; --json has the last two anyway",
    )
    .action((location: string | undefined, options: Options) =>
      start((context) => listKeys(context, location, options)),
    );
}

async function listKeys(context: Context, location: string | undefined, options: Options): Promise<void> {
  const { clock, output, signal } = context;
  if (location !== undefined && options.namespace !== undefined)
    throw new AppError("usage", "the namespace is given twice", { hint: "leave out -n" });
  if (options.long === true && options.null === true)
    throw new AppError("usage", "--long is for people, and -0 for programs: only one of the two can be meant");
  const { api, namespace, prefix, label } = await context.namespace(location ?? options.namespace);
  let left = parseLimit(options.limit);
  let cursor = "";
  const long = options.long === true && !output.json ? await openLong(output) : undefined;
  const guard = openListingGuard(clock, `list the keys of ${label}`);
  const whole = prefix + (options.prefix ?? "");
  do {
    const limit = Math.min(left, LIST_PAGE_KEYS_MAX);
    const page = await api.listKeys(namespace.id, { prefix: whole, cursor, limit }, { signal });
    const keys = page.keys.slice(0, left);
    left -= keys.length;
    const text =
      long?.render(keys, clock.now()) ??
      keys.map((key) => renderKey(key, output.json, options.null === true, output.stdout.isTerminal)).join("");
    if (text !== "") await output.write(text);
    cursor = page.cursor;
    if (left > 0) guard.check(page);
  } while (cursor !== "" && left > 0 && !signal.aborted);
  signal.throwIfAborted();
}

async function openLong({ stdout }: Context["output"]): Promise<LongKeys> {
  const { openLongKeys } = await import("../render/long-keys.ts");
  return openLongKeys(stdout, stdout.isTerminal ? process.stdout.columns : undefined);
}

function renderKey(
  { name, expiration, metadata }: ListedKey,
  json: boolean,
  nulls: boolean,
  terminal: boolean,
): string {
  if (!json) {
    if (terminal && !nulls) return `${visible(name)}\n`;
    const fault = plainFault(name, nulls);
    if (fault === undefined) return `${name}${nulls ? "\0" : "\n"}`;
    throw new AppError("usage", `the key "${visible(name)}" cannot be printed as it is: it ${fault}`, {
      hint: `write kvsync key list --json${nulls ? "" : ", or key list -0"}`,
    });
  }
  const own = unstampMetadata(metadata).metadata;
  const shown = JSON.stringify({ name, ...(expiration !== undefined && { expiration }) });
  // As text: it may be nested deeper than JSON.stringify follows, and have numbers that it would change.
  return `${printableJson(own === undefined ? shown : `${shown.slice(0, -1)},"metadata":${own}}`)}\n`;
}

function parseLimit(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new AppError("usage", `--limit: "${visible(text)}" is no number of keys`);
}
