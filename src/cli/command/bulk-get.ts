// `kvsync bulk get`: keys with their values as lines of JSON, in the form that `bulk put` takes.

import { count } from "../../core/counted.ts";
import { isUtf8 } from "node:buffer";
import type { Command } from "commander";
import type { Key } from "../../core/key.ts";
import { LIST_LIMIT_MIN } from "../../core/limits.ts";
import { unstampMetadata } from "../../core/stamp.ts";
import { readValues } from "../../kv/read-values.ts";
import { type ReadAttributes, type ReadValue } from "../../kv/value-to-read.ts";
import { addKeysArgument, keyPages } from "../input/bulk-keys.ts";
import type { Start } from "../command-entry.ts";
import type { Context, OpenNamespace } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import type { KeyFormOptions } from "../input/key-form.ts";
import { addNamespaceOption, type NamespaceOption, openWholeNamespace } from "../input/namespace-option.ts";
import { warnOfAbsent, warnOfProblem } from "../render/render-problem.ts";
import { printableJson } from "../render/printable-json.ts";

type Options = NamespaceOption & KeyFormOptions;

export function define(command: Command, start: Start): void {
  addKeysArgument(addNamespaceOption(command)).action((args: string[], options: Options) =>
    start((context) => bulkGet(context, args, options)),
  );
}

async function bulkGet(context: Context, args: readonly string[], options: Options): Promise<ExitCode> {
  const { clock, output, signal } = context;
  const { name, total, pages } = await keyPages(context, args, options, "get");
  const opened = await openWholeNamespace(context, options);
  const { api, namespace, label } = opened;
  const progress = context.openProgress(name);
  const tally = { value: 0, absent: 0, problem: 0 };
  for await (const outcomes of readValues({ clock, api, namespaceId: namespace.id }, toRead(pages), { signal })) {
    for (const outcome of outcomes) {
      tally[outcome.kind]++;
      if (outcome.kind === "value") {
        const attributes = outcome.attributes ?? (await readAttributes(opened, outcome.key, signal));
        await output.write(renderPair(outcome, attributes));
      } else if (outcome.kind === "absent") warnOfAbsent(outcome.key, output);
      else warnOfProblem(outcome.problem, output);
    }
    progress.update({
      phase: "reading",
      done: tally.value + tally.absent + tally.problem,
      total,
      bytes: api.counts().bytesDown,
    });
  }
  progress.close();
  const missing = tally.absent + tally.problem;
  output.note(
    `read ${count(tally.value)} ${tally.value === 1 ? "key" : "keys"} from ${label}${missing === 0 ? "" : `; ${count(missing)} could not be read`}`,
  );
  return missing === 0 ? EXIT.done : EXIT.incomplete;
}

async function* toRead(pages: AsyncIterable<readonly Key[]>) {
  for await (const keys of pages)
    yield keys.map((key) => ({ key, size: undefined, binary: undefined, tag: undefined }));
}

/** What a single read does not tell comes, both in one request, from a listing of what begins with the key: the key
 * itself is first. */
async function readAttributes(
  { api, namespace }: OpenNamespace,
  key: Key,
  signal: AbortSignal,
): Promise<ReadAttributes> {
  const { keys } = await api.listKeys(namespace.id, { prefix: key, limit: LIST_LIMIT_MIN }, { signal });
  const listed = keys.find(({ name }) => name === key);
  return { metadata: listed?.metadata, expiration: listed?.expiration };
}

function renderPair(
  { key, bytes }: Extract<ReadValue, { kind: "value" }>,
  { metadata, expiration }: ReadAttributes,
): string {
  const isText = isUtf8(bytes);
  const own = unstampMetadata(metadata).metadata;
  const pair = JSON.stringify({
    key,
    value: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(isText ? "utf8" : "base64"),
    ...(!isText && { base64: true }),
    ...(expiration !== undefined && { expiration }),
  });
  // As text: it may be nested deeper than JSON.stringify follows, and have numbers that it would change.
  return `${printableJson(own === undefined ? pair : `${pair.slice(0, -1)},"metadata":${own}}`)}\n`;
}
