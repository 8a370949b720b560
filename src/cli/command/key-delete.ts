// `kvsync key delete`: one key with one request, several with as few as there can be.

import type { Command } from "commander";
import { visible } from "../../core/errors.ts";
import { deleteKeys } from "../../kv/delete-keys.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { parseKeyArgument } from "../key-argument.ts";
import { addNamespaceOption, type NamespaceOption, openWholeNamespace } from "../namespace-option.ts";
import { count } from "../progress.ts";
import { tellProblem } from "../render-problem.ts";
import { summaryRecord } from "../summary.ts";

export function define(command: Command, start: Start): void {
  addNamespaceOption(command)
    .argument("<keys...>")
    .action((keys: string[], options: NamespaceOption) => start((context) => deleteKeysOf(context, keys, options)));
}

async function deleteKeysOf(context: Context, texts: readonly string[], options: NamespaceOption): Promise<ExitCode> {
  const { clock, output, signal } = context;
  const startedAt = clock.now();
  const keys = [...new Set(texts)].map(parseKeyArgument);
  const { account, api, namespace, label } = await openWholeNamespace(context, options);
  let failed = 0;
  if (keys.length === 1) await api.deleteValue(namespace.id, keys[0]!, { signal });
  else {
    const pages = (async function* () {
      yield keys;
    })();
    for await (const outcomes of deleteKeys({ clock, api, namespaceId: namespace.id }, pages, { signal })) {
      for (const outcome of outcomes) {
        if (outcome.kind === "deleted") continue;
        failed++;
        tellProblem(outcome.problem, output);
      }
    }
  }
  const removed = keys.length - failed;
  output.line(
    keys.length === 1 ? `deleted "${visible(keys[0]!)}" from ${label}` : `deleted ${count(removed)} keys from ${label}`,
  );
  const fields = { command: "key delete", account: account.name, namespace: namespace.title, removed, failed };
  output.event(summaryRecord(fields, api.counts(), clock.now() - startedAt));
  return failed === 0 ? EXIT.done : EXIT.incomplete;
}
