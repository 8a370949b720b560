// Under a Node that is too old: goes on with the one that the checkout brings along (the npm package `node`), or says
// what is missing. Written for old Nodes too: plain syntax, and no imports but of what is written so.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { LAUNCH } from "./launch.ts";

/** Runs kvsync with `args` in the checkout's own Node, and resolves to its exit code: 1 if there is no such Node. */
export function runWithOwnNode(args: readonly string[]): Promise<number> {
  const node = fileURLToPath(new URL("../node_modules/node/bin/node", import.meta.url));
  if (!existsSync(node)) {
    process.stderr.write(
      `kvsync: needs Node 24 or newer, and this is ${process.version}\n  hint: install Node 24 from https://nodejs.org, or type: npm install -g node@24\n`,
    );
    return Promise.resolve(1);
  }
  const child = spawn(node, [...LAUNCH.nodeOptions, process.argv[1] ?? "", ...args], {
    // Through the last one it notices that this process is gone, by SIGKILL say: then nobody could stop it any more.
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...process.env, ...LAUNCH.env },
  });
  // A terminal sends its signals to both; what is sent to this process alone is handed on.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 143)));
  });
}
