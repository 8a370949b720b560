// `kvsync bulk delete`: the keys that a file lists, or that are given.

import type { Command } from "commander";
import { deleteKeys } from "../../kv/delete-keys.ts";
import { addKeysArgument, keyPages } from "../input/bulk-keys.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import type { KeyFormOptions } from "../input/key-form.ts";
import { addNamespaceOption, type NamespaceOption, openWholeNamespace } from "../input/namespace-option.ts";
import { openKeyCounter } from "../render/key-counter.ts";
import { tellProblem } from "../render/render-problem.ts";
import { summaryRecord } from "../render/summary.ts";

type Options = NamespaceOption & KeyFormOptions;

export function define(command: Command, start: Start): void {
  addKeysArgument(addNamespaceOption(command)).action((args: string[], options: Options) =>
    start((context) => bulkDelete(context, args, options)),
  );
}

async function bulkDelete(context: Context, args: readonly string[], options: Options): Promise<ExitCode> {
  const { clock, output, signal } = context;
  const startedAt = clock.monotonic();
  const { name, total, pages } = await keyPages(context, args, options, "delete");
  const { account, api, namespace, label } = await openWholeNamespace(context, options);
  const progress = context.openProgress(name);
  const removed = openKeyCounter();
  let done = 0;
  let failed = 0;
  const outcomesPages = deleteKeys({ clock, api, namespaceId: namespace.id }, pages, { signal });
  for await (const outcomes of outcomesPages) {
    for (const outcome of outcomes) {
      done++;
      if (outcome.kind === "deleted") removed.add(outcome.key);
      else {
        failed++;
        tellProblem(outcome.problem, output);
      }
    }
    progress.update({ phase: "deleting", done, total });
  }
  progress.close();
  // KV deletes also what is not there, and does not say so.
  output.report(`asked ${label} to delete ${removed.render()}`);
  const counts = { removed: removed.total(), failed };
  const fields = { command: "bulk delete", account: account.name, namespace: namespace.title, ...counts };
  output.event(summaryRecord(fields, api.counts(), Math.round(clock.monotonic() - startedAt)));
  return failed === 0 ? EXIT.done : EXIT.incomplete;
}
