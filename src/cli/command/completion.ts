// `kvsync completion`: scripts that let a shell complete commands and options, and the names that they ask for.

import { type Command, Argument } from "commander";
import { AppError } from "../../core/errors.ts";
import type { Config } from "../../config/config.ts";
import { loadAll, type Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { type CommandNames, type NamedThing, renderCompletion, shells } from "../help/completion-script.ts";

const NAMED: readonly NamedThing[] = ["mappings", "accounts", "namespaces"];

export function define(command: Command, start: Start): void {
  command
    .addArgument(
      new Argument("<shell>", "The shell that it is for; or names, which a script asks for").choices([
        ...shells,
        "names",
      ]),
    )
    .addArgument(new Argument("[of]", "With names: of what").choices(NAMED))
    .action((shell: (typeof shells)[number] | "names", of: NamedThing = "mappings") =>
      start(async (context) => {
        const { output } = context;
        if (shell === "names") {
          for (const name of await namesIn(context, of))
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
async function namesIn(context: Context, of: NamedThing): Promise<readonly string[]> {
  let config: Config;
  try {
    config = await context.config();
  } catch (error) {
    if (error instanceof AppError) return [];
    throw error;
  }
  const mappings = [...config.mappings.keys()];
  const accounts = [...config.accounts.keys()];
  if (of === "mappings") return mappings;
  return of === "accounts" ? accounts : [...mappings, ...accounts.map((name) => `${name}:`)];
}

/** `command` and all below it, flat. */
function commandsOf(command: Command, path: readonly string[]): readonly CommandNames[] {
  const own: CommandNames = {
    path,
    subcommands: command.commands.map((sub) => ({ name: sub.name(), summary: sub.summary() })),
    options: command.options
      .filter((option) => !option.hidden)
      .map(({ long, short, description }) => ({ long: long ?? short ?? "", description })),
    takes: TAKEN[command.registeredArguments[0]?.name() ?? ""],
  };
  return [own, ...command.commands.flatMap((sub) => commandsOf(sub, [...path, sub.name()]))];
}

/** By the name of a command's first argument. */
const TAKEN: Readonly<Record<string, NamedThing>> = {
  mapping: "mappings",
  account: "accounts",
  namespace: "namespaces",
  title: "namespaces",
  source: "namespaces",
};
