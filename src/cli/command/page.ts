// kvsync page: prints a one-time link that logs a browser in to the daemon's status page. Whoever may ask the daemon may log in.

import type { Command } from "commander";
import { renderDuration } from "../../core/units.ts";
import { openControlClient } from "../../daemon/control/control-client.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";

export function define(command: Command, start: Start): void {
  command.action(() => start(page));
}

async function page(context: Context): Promise<void> {
  const { output } = context;
  const client = await openControlClient(await context.stateDir(), context);
  try {
    const { url, validForMs, hosts } = await client.call({ op: "page-link" });
    output.line(url);
    for (const host of hosts) output.note(`through a proxy: https://${host}${url.slice(new URL(url).origin.length)}`);
    output.note(`open it in a browser: it logs in once, within ${renderDuration(validForMs)}`);
    output.event({ type: "summary", command: "page", url, validForMs, hosts });
  } finally {
    client.close();
  }
}
