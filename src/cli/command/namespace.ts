// `kvsync namespace`: the namespaces of an account.

import { count } from "../../core/counted.ts";
import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { LIST_PAGE_KEYS_MAX, TITLE_CHARS_MAX } from "../../core/limits.ts";
import type { Namespace, NamespaceId } from "../../kv/kv-api.ts";
import { resolveNamespace } from "../../kv/resolve-namespace.ts";
import type { OpenAccount } from "../../accounts/accounts.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { boundText } from "../input/bound-text.ts";
import { type SummaryFields, summaryRecord } from "../render/summary.ts";

interface AccountOption {
  readonly account?: string;
}

const NAMESPACE = "[ACCOUNT:]TITLE or id, or wrangler:BINDING; with --account all of it is the title or id";

export function define(command: Command, start: Start): void {
  const add = (usage: string, summary: string): Command =>
    command
      .command(usage)
      .summary(summary)
      .description(`${summary}.`)
      .option("--account <name>", "the account; else the only one");

  add("list", "List the namespaces of an account")
    .argument("[account]", "the same as --account")
    .action((name: string | undefined, options: AccountOption) =>
      start((context) => list(context, name ?? options.account)),
    );
  add("get", "Show a namespace's id and title")
    .argument("<namespace>", NAMESPACE)
    .action((text: string, options: AccountOption) => start((context) => get(context, text, options)));
  add("create", "Create a namespace")
    .argument("<title>", "[ACCOUNT:]TITLE; with --account all of it is the title")
    .action((text: string, options: AccountOption) => start((context) => create(context, text, options)));
  add("rename", "Give a namespace another title")
    .argument("<namespace>", NAMESPACE)
    .argument("<title>", "the new title")
    .action((text: string, title: string, options: AccountOption) =>
      start((context) => renameTo(context, text, title, options)),
    );
  add("delete", "Delete a namespace with all its keys")
    .argument("<namespace>", NAMESPACE)
    .option("-y, --yes", "do not ask")
    .action((text: string, options: AccountOption & { readonly yes?: boolean }) =>
      start((context) => remove(context, text, options)),
    );
}

async function list(context: Context, accountName: string | undefined): Promise<void> {
  const { output, signal } = context;
  const { name, api } = await context.account(accountName);
  let listed = 0;
  for await (const namespaces of api.listNamespaces({ signal })) {
    for (const namespace of namespaces) tell(context, name, namespace);
    listed += namespaces.length;
  }
  output.note(`${count(listed)} ${listed === 1 ? "namespace" : "namespaces"} in account "${name}"`);
}

async function get(context: Context, text: string, options: AccountOption): Promise<void> {
  const { account, title } = await openNamed(context, text, options);
  tell(context, account.name, await resolveNamespace(account.api, title, { signal: context.signal }));
}

async function create(context: Context, text: string, options: AccountOption): Promise<void> {
  const { account, title } = await openAccountOf(context, text, options);
  checkTitle(title);
  const run = begin(context, "namespace create", account);
  const { signal } = context;
  const idsBefore = new Set<NamespaceId>();
  for await (const page of account.api.listNamespaces({ signal })) {
    for (const { id } of page) idsBefore.add(id);
    const taken = page.find((namespace) => namespace.title === title);
    if (taken !== undefined)
      throw new AppError("namespace-exists", `${labelOf(account, taken)} exists already, with the id ${taken.id}`, {
        hint: `\`kvsync namespace get ${taken.id} --account ${account.name}\` shows it; use that one, or choose another title`,
      });
  }
  const namespace = await account.api.createNamespace(title, { signal, idsBefore });
  run.end(namespace, `created ${labelOf(account, namespace)} (${namespace.id})`);
}

async function renameTo(context: Context, text: string, newTitle: string, options: AccountOption): Promise<void> {
  const { account, title } = await openNamed(context, text, options);
  checkTitle(newTitle);
  const run = begin(context, "namespace rename", account);
  const { signal } = context;
  const before = await resolveNamespace(account.api, title, { signal });
  const namespace = await account.api.renameNamespace(before.id, newTitle, { signal });
  run.end(namespace, `renamed ${labelOf(account, before)} to ${labelOf(account, namespace)} (${namespace.id})`);
}

async function remove(
  context: Context,
  text: string,
  options: AccountOption & { readonly yes?: boolean },
): Promise<ExitCode> {
  const { account, title } = await openNamed(context, text, options);
  const run = begin(context, "namespace delete", account);
  const { signal } = context;
  const namespace = await resolveNamespace(account.api, title, { signal });
  const label = labelOf(account, namespace);
  if (options.yes !== true) {
    const { keys, cursor } = await account.api.listKeys(namespace.id, { limit: LIST_PAGE_KEYS_MAX }, { signal });
    const holds =
      keys.length === 0
        ? "is empty"
        : `holds ${cursor === "" ? "" : "more than "}${count(keys.length)} ${keys.length === 1 ? "key" : "keys"}`;
    if (
      !(await context.confirm(
        `${label} (${namespace.id}) ${holds}. Delete it for good?`,
        "add --yes to delete it without being asked",
      ))
    ) {
      context.output.note("nothing was deleted");
      context.keepFailure(new AppError("failed", "the answer was no: nothing was deleted"));
      return EXIT.failed;
    }
  }
  await account.api.deleteNamespace(namespace.id, { signal });
  run.end(namespace, `deleted ${label} (${namespace.id})`);
  return EXIT.done;
}

/** As {@link openAccountOf}, of a namespace that is there: it may be named by a binding. */
async function openNamed(
  context: Context,
  text: string,
  options: AccountOption,
): Promise<{ account: OpenAccount; title: string }> {
  const named = options.account === undefined ? await boundText(context, text) : text;
  return openAccountOf(context, named, options);
}

/** `prod:app-config` is an account and a title, unless --account says that all of it is the title. */
async function openAccountOf(
  context: Context,
  text: string,
  options: AccountOption,
): Promise<{ account: OpenAccount; title: string }> {
  const colon = options.account === undefined ? text.indexOf(":") : -1;
  const name = colon === -1 ? options.account : text.slice(0, colon);
  return { account: await context.account(name), title: text.slice(colon + 1) };
}

function checkTitle(title: string): void {
  if (title !== "" && title.length <= TITLE_CHARS_MAX) return;
  throw new AppError(
    "usage",
    title === "" ? "a title is missing" : `a title has at most ${TITLE_CHARS_MAX} characters, not ${title.length}`,
  );
}

function tell({ output }: Context, account: string, { id, title }: Namespace): void {
  output.line(`${output.stdout.dim(id)}  ${visible(title)}`);
  output.event({ account, id, title });
}

function labelOf(account: OpenAccount, { title }: Namespace): string {
  return `${account.name}:${visible(title)}`;
}

function begin({ clock, output }: Context, command: SummaryFields["command"], account: OpenAccount) {
  const startedAt = clock.monotonic();
  return {
    end: (namespace: Namespace, line: string): void => {
      output.report(line);
      const fields = { command, account: account.name, namespace: namespace.title, id: namespace.id };
      output.event(summaryRecord(fields, account.api.counts(), Math.round(clock.monotonic() - startedAt)));
    },
  };
}
