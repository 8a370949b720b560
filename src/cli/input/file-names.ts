// Names of files and folders on the command line: an empty one would mean the folder that the command runs in, and nobody means
// that. It comes of a shell variable that is not set.

import type { Command } from "commander";
import { AppError } from "../../core/errors.ts";

const FILE_OPTION = /<(file|folder)>/;
/** The last is a file where it is one alone. */
const FILE_ARGUMENTS: ReadonlySet<string> = new Set(["file", "file-or-keys"]);

/** Throws AppError "usage" for an empty name in what `command` and those above it were given. */
export function checkFileNames(command: Command): void {
  for (let at: Command | null = command; at !== null; at = at.parent) {
    for (const option of at.options) {
      const noun = FILE_OPTION.exec(option.flags)?.[1];
      if (noun !== undefined && at.getOptionValue(option.attributeName()) === "")
        throw isEmpty(`${option.long}: `, noun);
    }
  }
  const [first, ...others] = command.args;
  const name = command.registeredArguments[0]?.name() ?? "";
  if (first === "" && others.length === 0 && FILE_ARGUMENTS.has(name)) throw isEmpty("", "file");
}

function isEmpty(where: string, noun: string): AppError {
  return new AppError("usage", `${where}the name of the ${noun} is empty`, {
    hint: "it may come of a shell variable that is not set",
  });
}
