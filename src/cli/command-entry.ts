// Commands as a table: a name and a line each, and the module that knows the rest, which is loaded only for the command
// that is run. (Commander and all command modules together take longer to load than most commands take to run.)

import type { Command } from "commander";
import type { Context } from "./context.ts";
import { renderExamples } from "./help/examples.ts";
import type { ExitCode } from "./exit-code.ts";

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** The heading it stands under in the help. */
  readonly group?: string;
  readonly load: () => Promise<CommandModule>;
}

/** Runs a command's work with the context it needs, and sees to its errors and the exit code: that which it returns,
 * or 0. */
export type Start = (work: (context: Context) => Promise<ExitCode | void>) => Promise<void>;

interface CommandModule {
  /** Adds arguments, options and the action to `command`, which has a name and a summary already. */
  define(command: Command, start: Start): void;
}

/** What loads the rest of a command's subcommands, for those who need all of them. */
const loaders = new WeakMap<Command, (subcommand: Command) => Promise<void>>();

/** Adds `entries` below `parent`, each to be loaded when it is called for. */
export function addCommands(parent: Command, entries: readonly CommandEntry[], start: Start): void {
  // `kvsync help key list` is understood by run.ts.
  parent.helpCommand(false);
  const waiting = new Map(entries.map((entry) => [entry.name, entry]));
  for (const { name, summary, group } of entries) {
    const command = parent.command(name).summary(summary).description(`${summary}.`);
    if (group !== undefined) command.helpGroup(group);
  }
  const load = async (command: Command): Promise<void> => {
    const entry = waiting.get(command.name());
    waiting.delete(command.name());
    if (entry === undefined) return;
    (await entry.load()).define(command, start);
    setNegatedDefaults(command);
    addExamples(command);
  };
  loaders.set(parent, load);
  parent.hook("preSubcommand", (_, command) => load(command));
}

/** Loads all commands below `parent`. */
export async function loadAll(parent: Command): Promise<void> {
  for (const command of parent.commands) {
    await loaders.get(parent)?.(command);
    await loadAll(command);
  }
}

/** To the help of `command` and of the subcommands that were defined with it; those that are loaded later have theirs then. */
function addExamples(command: Command): void {
  const examples = renderExamples(pathOf(command));
  if (examples !== undefined) command.addHelpText("after", examples);
  if (!loaders.has(command)) command.commands.forEach(addExamples);
}

/** Without the program's own name. */
function pathOf(command: Command): readonly string[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command.name()];
}

/** Commander gives `--no-x` its default of true only to options that are there when parsing begins, which those of a
 * command that is loaded meanwhile are not. */
function setNegatedDefaults(command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName();
    if (option.negate && command.getOptionValue(name) === undefined)
      command.setOptionValueWithSource(name, true, "default");
  }
}
