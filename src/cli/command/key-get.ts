// `kvsync key get`: the bytes of a value, as they arrive.

import { resolve } from "node:path";
import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { parseKeyArgument } from "../input/key-argument.ts";
import { addNamespaceOption, type NamespaceOption, openWholeNamespace } from "../input/namespace-option.ts";
import { shellWord } from "../../core/shell-word.ts";
import { writeValue } from "../render/terminal-text.ts";
import { writeValueFile } from "../input/value-file.ts";

interface Options extends NamespaceOption {
  readonly output?: string;
  readonly force?: boolean;
}

export function define(command: Command, start: Start): void {
  addNamespaceOption(command)
    .argument("<key>")
    .option(
      "-o, --output <file>",
      "write to a file, which is replaced only once the value is there as a whole (- is stdout, whatever the value is)",
    )
    .option("--force", "show it on a terminal even if it is binary or has control characters")
    .action((key: string, options: Options) => start((context) => getKey(context, key, options)));
}

async function getKey(context: Context, text: string, options: Options): Promise<void> {
  const key = parseKeyArgument(text);
  const { api, namespace, label } = await openWholeNamespace(context, options);
  const value = await api.readValue(namespace.id, key, { signal: context.signal });
  if (value === undefined) {
    throw new AppError("key-not-found", `there is no key "${visible(key)}" in ${label}`, {
      hint: `see what there is: kvsync key list -n ${shellWord(label)}`,
    });
  }
  const { output, force = false } = options;
  if (output !== undefined && output !== "-") {
    const bytes = await writeValueFile(value, resolve(context.cwd, output));
    context.output.note(`wrote ${bytes} bytes of "${visible(key)}" in ${label} to ${visible(output)}`);
    return;
  }
  // To a terminal nothing goes before all of it is known to be text.
  if (context.output.stdout.isTerminal && output === undefined && !force) {
    await writeValue(context.output, await value.bytes(), {
      what: `the value of "${visible(key)}" in ${label}`,
      force,
      hint: "write it to a file with -o FILE; --force shows it all the same",
    });
    return;
  }
  for await (const chunk of value.body) {
    context.signal.throwIfAborted();
    await context.output.write(chunk);
  }
}
