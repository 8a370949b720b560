// `kvsync completion`: scripts that let a shell complete commands and options, and the names that they ask for.

import { type Command, Argument, type Option } from "commander";
import { AppError } from "../../core/errors.ts";
import type { Config } from "../../config/config.ts";
import { knownMappings } from "../../config/known-mappings.ts";
import { loadAll, type Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import {
  type CommandNames,
  NAMED,
  type NamedThing,
  type OptionValue,
  renderCompletion,
  shells,
} from "../help/completion-script.ts";

export function define(command: Command, start: Start): void {
  command
    .addArgument(
      new Argument("<shell>", "The shell that it is for; or names, which a script asks for").choices([
        ...shells,
        "names",
      ]),
    )
    .addArgument(new Argument("[of...]", "With names: of what").choices(NAMED))
    .action((shell: (typeof shells)[number] | "names", of: readonly NamedThing[]) =>
      start(async (context) => {
        const { output } = context;
        if (shell === "names") {
          for (const name of await namesIn(context, of.length === 0 ? ["mappings"] : of))
            await output.write(`${output.json ? JSON.stringify({ name }) : name}\n`);
          return;
        }
        const root = command.parent ?? command;
        await loadAll(root);
        await output.write(renderCompletion(shell, commandsOf(root, [])));
      }),
    );
}

/** None where there is no config, or none that can be read: a shell is no place for its faults. */
async function namesIn(context: Context, of: readonly NamedThing[]): Promise<readonly string[]> {
  let config: Config;
  try {
    config = await context.config();
  } catch (error) {
    if (error instanceof AppError) return [];
    throw error;
  }
  return [...new Set(of.flatMap((thing) => namesOf(config, thing)))];
}

function namesOf(config: Config, of: NamedThing): readonly string[] {
  const { mappings, accounts, backups, repositories, notify } = config;
  switch (of) {
    case "mappings":
      return knownMappings(config).map(({ name }) => name);
    case "accounts":
      return [...accounts.keys()];
    case "namespaces":
      return [
        ...mappings.keys(),
        ...[...accounts.keys()].map((name) => `${name}:`),
        ...[...mappings.values()].map(({ account, namespace }) => `${account}:${namespace}`),
      ];
    case "backups":
      return [...backups.keys()];
    case "repositories":
      return [...repositories.keys()];
    case "targets":
      return notify.map(({ name }) => name);
  }
}

/** `command` and all below it, flat. */
function commandsOf(command: Command, path: readonly string[]): readonly CommandNames[] {
  const own: CommandNames = {
    path,
    subcommands: command.commands.map((sub) => ({ name: sub.name(), summary: sub.summary() })),
    options: command.options
      .filter((option) => !option.hidden)
      .map((option) => ({
        long: option.long ?? option.short ?? "",
        short: option.long === undefined ? undefined : option.short,
        description: option.description,
        value: valueOf(option),
      })),
    takes: [...new Set(command.registeredArguments.flatMap((argument) => TAKEN[argument.name()] ?? []))],
  };
  return [own, ...command.commands.flatMap((sub) => commandsOf(sub, [...path, sub.name()]))];
}

/** Undefined: it takes no value, or may go without one. */
function valueOf({ long, required, argChoices, flags }: Option): OptionValue | undefined {
  if (!required) return undefined;
  if (argChoices !== undefined) return { kind: "words", words: argChoices };
  const of = NAMED_BY_OPTION[long ?? ""];
  if (of !== undefined) return { kind: "names", of };
  return /<(file|folder)>$/.test(flags) ? { kind: "files" } : { kind: "other" };
}

const NAMED_BY_OPTION: Readonly<Record<string, NamedThing>> = {
  "--account": "accounts",
  "--mapping": "mappings",
  "--namespace": "namespaces",
  "--snapshot": "repositories",
};

/** By the name of an argument. */
const TAKEN: Readonly<Record<string, readonly NamedThing[]>> = {
  mapping: ["mappings"],
  what: ["mappings"],
  account: ["accounts"],
  namespace: ["namespaces"],
  title: ["namespaces"],
  location: ["namespaces", "repositories", "backups"],
  source: ["namespaces", "repositories"],
  destination: ["namespaces", "repositories"],
  repository: ["repositories"],
  snapshot: ["repositories"],
  target: ["targets"],
};
