// kvsync serve in a process of its own, on one port and one database for as long as a test lasts, with a token that the test
// may let expire.

import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { type CliRun, ended, startCli } from "./cli.ts";

export interface ServeProcess {
  readonly url: string;
  /** Takes `token` from now on, and no other. */
  accept(token: string): Promise<void>;
  stop(): Promise<void>;
}

/** `cwd` is where its database goes. */
export async function startServe(cwd: string, token: string): Promise<ServeProcess> {
  let running = await start(cwd, ["--port", "0", "--token", token]);
  const { url } = running;
  const stop = async (): Promise<void> => {
    running.child.kill();
    await running.over;
  };
  return {
    url,
    async accept(next) {
      await stop();
      running = await start(cwd, ["--port", new URL(url).port, "--token", next]);
    },
    stop,
  };
}

async function start(
  cwd: string,
  args: readonly string[],
): Promise<{ readonly url: string; readonly child: ChildProcess; readonly over: Promise<CliRun> }> {
  const child = startCli(["serve", "--data", "server", "--json", ...args], { cwd });
  const over = ended(child);
  const line = await Promise.race([
    new Promise<string>((resolve) => createInterface(child.stdout!).once("line", resolve)),
    over.then((run) => {
      throw new Error(`the server ended with ${run.code}: ${run.stderr}`);
    }),
  ]);
  return { url: (JSON.parse(line) as { readonly url: string }).url, child, over };
}
