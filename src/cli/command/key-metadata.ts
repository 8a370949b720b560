// `kvsync key metadata`: a key's metadata as JSON, without kvsync's stamp.

import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { unstampMetadata } from "../../core/stamp.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { parseKeyArgument } from "../input/key-argument.ts";
import { printableJson } from "../render/printable-json.ts";
import { addNamespaceOption, type NamespaceOption, openWholeNamespace } from "../input/namespace-option.ts";
import { shellWord } from "../../core/shell-word.ts";

export function define(command: Command, start: Start): void {
  addNamespaceOption(command)
    .argument("<key>")
    .action((key: string, options: NamespaceOption) => start((context) => showMetadata(context, key, options)));
}

async function showMetadata(context: Context, text: string, options: NamespaceOption): Promise<void> {
  const key = parseKeyArgument(text);
  const { api, namespace, label } = await openWholeNamespace(context, options);
  const listed = await api.readMetadata(namespace.id, key, { signal: context.signal });
  if (listed === undefined) {
    throw new AppError("key-not-found", `there is no key "${visible(key)}" in ${label}`, {
      hint: `see what there is: kvsync key list -n ${shellWord(label)}`,
    });
  }
  const json = unstampMetadata(listed).metadata ?? "null";
  await context.output.write(`${printableJson(json)}\n`);
}
