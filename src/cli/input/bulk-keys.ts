// The keys that `bulk get` and `bulk delete` are given. One argument is always a file, and never guessed to be a key:
// in a folder that is in step with a namespace, files and keys have the same names.

import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";
import { begin, once, openBulkInput, parseListedKey } from "./bulk-input.ts";
import type { Context } from "../context.ts";
import { parseKeyArgument } from "./key-argument.ts";
import { type KeyFormOptions, parseKeyForm } from "./key-form.ts";
import type { NamespaceOption } from "./namespace-option.ts";
import { kvsyncCommand } from "../../core/shell-word.ts";

export interface KeyPages {
  /** For the progress bar. */
  readonly name: string;
  /** Undefined: not known (stdin or a pipe). */
  readonly total: number | undefined;
  readonly pages: AsyncIterable<readonly Key[]>;
}

export function addKeysArgument(command: Command): Command {
  return command
    .argument("<file-or-keys...>", "one argument is a file with keys (- is stdin); two or more are keys")
    .option("-0, --null", "the file has a NUL byte after each name, as key list -0 prints")
    .option(
      "--format <format>",
      "the file has a name a line (lines), or JSON (json); else it is told by how it begins",
    );
}

function keyCommand(verb: string, key: string, { namespace }: NamespaceOption): string {
  return kvsyncCommand(`key ${verb}`, [key], namespace === undefined ? [] : ["-n", namespace]);
}

/** A file is read once before, so that nothing is done if anything in it is wrong. Throws AppError "usage". */
export async function keyPages(
  context: Context,
  args: readonly string[],
  options: KeyFormOptions & NamespaceOption,
  verb: "get" | "delete",
): Promise<KeyPages> {
  const form = parseKeyForm(options);
  const [only = "", ...others] = args;
  if (others.length > 0) {
    if (form !== undefined)
      throw new AppError("usage", "-0 and --format are for a file", {
        hint: "leave it out: two or more arguments are keys",
      });
    const keys = [...new Set(args)].map(parseKeyArgument);
    return { name: "keys", total: keys.length, pages: once(keys) };
  }
  // A key that is cut off may be the name of another one: what is deleted is not to be guessed.
  const input = openBulkInput(context, only, form ?? "auto", { refusesCut: verb === "delete" });
  if (input.isFile && !existsSync(resolve(context.cwd, only))) {
    throw new AppError("usage", `there is no file ${visible(only)}`, {
      hint: `for the key of that name: ${keyCommand(verb, only, options)}`,
    });
  }
  async function* pages(): AsyncGenerator<readonly Key[], void> {
    for await (const items of input.items()) yield items.map((item) => parseListedKey(item, input.name));
  }
  let total: number | undefined;
  if (input.isFile) {
    total = 0;
    for await (const keys of pages()) total += keys.length;
  }
  return { name: basename(input.name), total, pages: input.isFile ? pages() : await begin(pages()) };
}
