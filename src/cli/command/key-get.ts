// `kvsync key get`: the bytes of a value, as they arrive.

import { open, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import type { ValueStream } from "../../kv/kv-api.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { parseKeyArgument } from "../key-argument.ts";
import { addNamespaceOption, type NamespaceOption, openWholeNamespace } from "../namespace-option.ts";
import { ioError } from "../read-file.ts";

interface Options extends NamespaceOption {
  readonly output?: string;
}

export function define(command: Command, start: Start): void {
  addNamespaceOption(command)
    .argument("<key>")
    .option("-o, --output <file>", "write to a file, which is replaced only once the value is there as a whole")
    .action((key: string, options: Options) => start((context) => getKey(context, key, options)));
}

async function getKey(context: Context, text: string, options: Options): Promise<void> {
  const key = parseKeyArgument(text);
  const { api, namespace, label } = await openWholeNamespace(context, options);
  const value = await api.readValue(namespace.id, key, { signal: context.signal });
  if (value === undefined) {
    throw new AppError("key-not-found", `there is no key "${visible(key)}" in ${label}`, {
      hint: `see what there is: kvsync key list -n ${label}`,
    });
  }
  if (options.output !== undefined) {
    const bytes = await writeToFile(value, resolve(context.cwd, options.output));
    context.output.note(`wrote ${bytes} bytes of "${visible(key)}" in ${label} to ${visible(options.output)}`);
    return;
  }
  for await (const chunk of value.body) {
    context.signal.throwIfAborted();
    await context.output.write(chunk);
  }
}

/** Writes beside `path` and renames, so that a broken connection leaves the old file. */
async function writeToFile(value: ValueStream, path: string): Promise<number> {
  const temporary = join(dirname(path), `.kvsync-${process.pid}.tmp`);
  try {
    const file = await open(temporary, "wx");
    let bytes = 0;
    try {
      for await (const chunk of value.body) {
        await file.writeFile(chunk);
        bytes += chunk.byteLength;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    return bytes;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error instanceof Error && "syscall" in error ? ioError(error, `could not write ${visible(path)}`) : error;
  }
}
