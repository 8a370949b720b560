// `-n`, which all commands on keys share.

import { type Command, Option } from "commander";
import { AppError } from "../../core/errors.ts";
import type { Context, OpenNamespace } from "../context.ts";

export interface NamespaceOption {
  readonly namespace?: string;
}

export function addNamespaceOption(command: Command): Command {
  return command.addOption(
    new Option(
      "-n, --namespace <location>",
      "ACCOUNT:NAMESPACE, wrangler:BINDING, a mapping's name, or a title in the only account (default: the only mapping's)",
    ),
  );
}

/** The namespace that `-n` names. Throws AppError "usage" if it names a prefix too, which only listings have a use for. */
export async function openWholeNamespace(
  context: Context,
  { namespace: location }: NamespaceOption,
): Promise<OpenNamespace> {
  const opened = await context.namespace(location);
  if (opened.prefix === "") return opened;
  throw new AppError("usage", `${location} names a prefix, and keys are given in full`, {
    hint: `write -n ${opened.label}, and the whole key`,
  });
}
