// `kvsync key delete`: a key or a few, each of which is looked up first, so that a name that was mistyped is said.

import { count } from "../../core/counted.ts";
import type { Command } from "commander";
import { AppError, type ErrorCode, visible } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";
import { deleteKeys } from "../../kv/delete-keys.ts";
import { isRefusal } from "../../kv/kv-error.ts";
import type { KvApi, Namespace } from "../../kv/kv-api.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { parseKeyArgument } from "../input/key-argument.ts";
import { addNamespaceOption, type NamespaceOption, openWholeNamespace } from "../input/namespace-option.ts";
import { shellWord } from "../../core/shell-word.ts";
import { tellAbsent, tellProblem } from "../render/render-problem.ts";
import { summaryRecord } from "../render/summary.ts";

interface Options extends NamespaceOption {
  readonly force?: boolean;
}

export function define(command: Command, start: Start): void {
  addNamespaceOption(command)
    .argument("<keys...>", "each is looked up first, with one request, since the API deletes also what is not there")
    .option("--force", "do not look whether the keys exist: one that does not is no failure")
    .action((keys: string[], options: Options) => start((context) => deleteKeysOf(context, keys, options)));
}

async function deleteKeysOf(context: Context, texts: readonly string[], options: Options): Promise<ExitCode> {
  const { clock, output, signal } = context;
  const startedAt = clock.monotonic();
  const keys = [...new Set(texts)].map(parseKeyArgument);
  const { account, api, namespace, label } = await openWholeNamespace(context, options);
  const [only, ...others] = keys;
  const absent = new Set<Key>();
  if (options.force !== true)
    for (let at = 0; at < keys.length; at += LOOKS_AT_ONCE_MAX) {
      const some = keys.slice(at, at + LOOKS_AT_ONCE_MAX);
      const found = await Promise.all(some.map((key) => isAbsent(context, { api, namespace, key })));
      for (const [index, key] of some.entries()) if (found[index] === true) absent.add(key);
    }
  const failed = new Set<Key>();
  // Also what is absent is deleted: a read may lag, a deletion leaves no doubt.
  if (only !== undefined && others.length === 0) await api.deleteValue(namespace.id, only, { signal });
  else {
    const pages = (async function* () {
      yield keys;
    })();
    for await (const outcomes of deleteKeys({ clock, api, namespaceId: namespace.id }, pages, { signal })) {
      for (const outcome of outcomes) {
        if (outcome.kind === "deleted") continue;
        failed.add(outcome.key);
        tellProblem(outcome.problem, output);
      }
    }
  }
  const removed = keys.filter((key) => !failed.has(key) && !absent.has(key)).length;
  const fields = {
    command: "key delete",
    account: account.name,
    namespace: namespace.title,
    removed,
    failed: failed.size,
  };
  if (absent.size === keys.length) {
    output.event(summaryRecord(fields, api.counts(), Math.round(clock.monotonic() - startedAt)));
    const noun =
      keys.length === 1 ? `there was no key "${visible(only!)}"` : `there was none of these ${keys.length} keys`;
    throw new AppError("key-not-found", `${noun} in ${label}`, {
      hint: `see what there is: kvsync key list ${shellWord(label)}`,
    });
  }
  for (const key of absent) tellAbsent(key, output);
  const noun = keys.length === 1 ? `"${visible(only!)}"` : `${count(removed)} ${removed === 1 ? "key" : "keys"}`;
  // KV deletes also what is not there, and does not say so.
  output.report(options.force === true ? `asked ${label} to delete ${noun}` : `deleted ${noun} from ${label}`);
  output.event(summaryRecord(fields, api.counts(), Math.round(clock.monotonic() - startedAt)));
  return failed.size + absent.size === 0 ? EXIT.done : EXIT.incomplete;
}

const LOOKS_AT_ONCE_MAX = 6;

/** What fails a look and would fail the deletion as well, after as long a wait. */
const ABOUT_ALL: ReadonlySet<ErrorCode> = new Set([
  "unauthorized",
  "network",
  "rate-limited",
  "quota-exhausted",
  "budget-exhausted",
  "namespace-not-found",
]);

/** Whether there is no such key. A look that fails for this key alone tells nothing: the deletion will show what is wrong. */
async function isAbsent(
  { output, signal }: Context,
  { api, namespace, key }: { readonly api: KvApi; readonly namespace: Namespace; readonly key: Key },
): Promise<boolean> {
  try {
    return (await api.readMetadata(namespace.id, key, { signal })) === undefined;
  } catch (error) {
    if (signal.aborted || !(error instanceof AppError)) throw error;
    if (ABOUT_ALL.has(error.code) && !isRefusal(error)) throw error;
    output.detail(`could not look up "${visible(key)}": ${visible(error.message)}`);
    return false;
  }
}
