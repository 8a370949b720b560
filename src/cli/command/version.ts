// kvsync version: what this kvsync is made of and runs on, for a report of a problem. `kvsync -V` prints its own version alone.

import { arch, release } from "node:os";
import process from "node:process";
import type { Command } from "commander";
import undici from "undici/package.json" with { type: "json" };
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { VERSION } from "../process/version.ts";

export function define(command: Command, start: Start): void {
  command.action(() => start((context) => version(context)));
}

async function version({ output }: Context): Promise<void> {
  const { node, sqlite = "none" } = process.versions;
  const platform = `${process.platform} ${release()} ${arch()}`;
  output.event({
    type: "summary",
    command: "version",
    version: VERSION,
    node,
    undici: undici.version,
    sqlite,
    platform,
  });
  const rows = { kvsync: VERSION, node, undici: undici.version, sqlite, platform };
  for (const [name, text] of Object.entries(rows)) output.line(`${name.padEnd(8)}  ${text}`);
}
