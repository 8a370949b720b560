// `kvsync completion`: scripts that let a shell complete commands and options.

import { type Command, Argument } from "commander";
import { loadAll, type Start } from "../command-entry.ts";
import { renderCompletion, shells, type CommandNames } from "../help/completion-script.ts";

export function define(command: Command, start: Start): void {
  command.addArgument(new Argument("<shell>").choices(shells)).action((shell: (typeof shells)[number]) =>
    start(async ({ output }) => {
      const root = command.parent ?? command;
      await loadAll(root);
      await output.write(renderCompletion(shell, namesOf(root, [])));
    }),
  );
}

/** `command` and all below it, flat. */
function namesOf(command: Command, path: readonly string[]): readonly CommandNames[] {
  const own: CommandNames = {
    path,
    subcommands: command.commands.map((sub) => ({ name: sub.name(), summary: sub.summary() })),
    options: command.options
      .filter((option) => !option.hidden)
      .map(({ long, short, description }) => ({ long: long ?? short ?? "", description })),
  };
  return [own, ...command.commands.flatMap((sub) => namesOf(sub, [...path, sub.name()]))];
}
