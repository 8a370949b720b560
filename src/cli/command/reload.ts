// kvsync reload: the daemon reads its config again. A config with a fault changes nothing.

import type { Command } from "commander";
import { openControlClient } from "../../daemon/control/control-client.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";

export function define(command: Command, start: Start): void {
  command.action(() => start(reload));
}

async function reload(context: Context): Promise<void> {
  const { output } = context;
  // Says what is wrong with it here, where somebody reads it.
  const stateDir = await context.stateDir();
  const client = await openControlClient(stateDir, context);
  try {
    const { added, changed, removed } = await client.call({ op: "reload" });
    const parts = [told("added", added), told("changed", changed), told("removed", removed)].filter(
      (part) => part !== undefined,
    );
    output.report(parts.length === 0 ? "reloaded: no mapping changed" : `reloaded: ${parts.join("; ")}`);
    output.event({ type: "summary", command: "reload", added, changed, removed });
  } finally {
    client.close();
  }
}

function told(verb: string, names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : `${verb} ${names.join(", ")}`;
}
