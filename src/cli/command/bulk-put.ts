// `kvsync bulk put`: the pairs of a file in wrangler's form, as a JSON array or as lines of JSON.
//
// A file is read twice, so that nothing is written if anything in it is wrong; stdin or a pipe can only be read once.

import { counted } from "../../core/counted.ts";
import { isUtf8 } from "node:buffer";
import { basename } from "node:path";
import type { Command } from "commander";
import { AppError } from "../../core/errors.ts";
import { fingerprintOf } from "../../core/fingerprint.ts";
import { stampMetadata } from "../../core/stamp.ts";
import type { Pair } from "../../kv/pair-text.ts";
import { type PairToWrite, writePairs } from "../../kv/write-pairs.ts";
import { begin, type BulkInput, openBulkInput, parsePair, renderIgnored } from "../input/bulk-input.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { addNamespaceOption, type NamespaceOption, openWholeNamespace } from "../input/namespace-option.ts";
import { openKeyCounter } from "../render/key-counter.ts";
import { tellProblem } from "../render/render-problem.ts";
import { summaryRecord } from "../render/summary.ts";

interface Options extends NamespaceOption {
  /** False with --no-stamp. */
  readonly stamp: boolean;
}

export function define(command: Command, start: Start): void {
  addNamespaceOption(command)
    .argument("<file>", 'a JSON array of {"key", "value", ...}, or a line of JSON for each; - is stdin')
    .option("--no-stamp", "do not keep fingerprints of the values in their metadata")
    .action((file: string, options: Options) => start((context) => bulkPut(context, file, options)));
}

async function bulkPut(context: Context, file: string, options: Options): Promise<ExitCode> {
  const { clock, output, signal } = context;
  const startedAt = clock.monotonic();
  const input = openBulkInput(context, file, "pairs");
  const progress = context.openProgress(basename(input.name));
  const ignored = new Map<string, number>();
  const tellIgnored = (): void => {
    for (const text of renderIgnored(ignored, input.name)) output.warn(`${output.stderr.yellow("warning")} ${text}`);
    if (input.absent().length > 0)
      output.warn(
        `${output.stderr.yellow("warning")} ${input.name}: ${counted(input.absent().length, "key has", "keys have")} no value (null) and ${input.absent().length === 1 ? "is" : "are"} not written`,
      );
  };
  let total: number | undefined;
  if (input.isFile) {
    total = 0;
    for await (const items of input.items()) {
      for (const item of items) parsePair(item, input.name, ignored);
      total += items.length;
      progress.update({ phase: "checking", done: total, total: undefined });
    }
    tellIgnored();
  }
  const toWrite = pairPages(input, options.stamp, input.isFile ? new Map() : ignored);
  const pages = input.isFile ? toWrite : await begin(toWrite);
  const { account, api, namespace, label } = await openWholeNamespace(context, options);
  const written = openKeyCounter();
  let done = 0;
  let failed = 0;
  try {
    for await (const outcomes of writePairs({ clock, api, namespaceId: namespace.id }, pages, { signal })) {
      for (const outcome of outcomes) {
        done++;
        if (outcome.kind === "written") written.add(outcome.key);
        else {
          failed++;
          tellProblem(outcome.problem, output);
        }
      }
      progress.update({ phase: "writing", done, total, bytes: api.counts().bytesUp });
    }
  } catch (error) {
    if (written.total() === 0 || !(error instanceof AppError)) throw error;
    throw new AppError(error.code, `${error.message} (written to ${label} before: ${written.render()})`, {
      hint: error.hint ?? "run it again: writing a key twice does no harm",
      cause: error,
    });
  } finally {
    progress.close();
  }
  if (!input.isFile) tellIgnored();
  output.report(`wrote ${written.render()} to ${label}`);
  const counts = { written: written.total(), failed };
  const fields = { command: "bulk put", account: account.name, namespace: namespace.title, ...counts };
  output.event(summaryRecord(fields, api.counts(), Math.round(clock.monotonic() - startedAt)));
  return failed === 0 ? EXIT.done : EXIT.incomplete;
}

async function* pairPages(
  input: BulkInput,
  stamps: boolean,
  ignored: Map<string, number>,
): AsyncGenerator<readonly PairToWrite[], void> {
  for await (const items of input.items()) {
    yield items.map((item) => {
      const pair = parsePair(item, input.name, ignored);
      return { ...pair, metadata: stamps ? stamped(pair) : pair.metadata, tag: undefined };
    });
  }
}

function stamped({ bytes, metadata }: Pair): string | undefined {
  return stampMetadata(metadata, { fingerprint: fingerprintOf(bytes), size: bytes.byteLength, binary: !isUtf8(bytes) });
}
