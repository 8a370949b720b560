// A fresh embedded server for each contender, as a process of its own, so that neither its memory nor its warm code
// is counted for anyone. Both contenders get the same.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { benchRoot } from "./make-tree.ts";

export interface ServerProcess {
  readonly url: string;
  /** Ends the server; the database stays in `data`. */
  stop(): Promise<void>;
  /** Removes the database. */
  discard(): void;
  readonly data: string;
}

export const ACCOUNT_ID = "bench";
export const API_TOKEN = "bench-token";

/** Starts `kvsync serve` on a free port; on a new, empty database unless `data` names one; `options` go to it. */
export async function startServer(
  main: string,
  data = mkdtempSync(join(benchRoot(), "server-")),
  options: readonly string[] = [],
): Promise<ServerProcess> {
  const child = spawn(
    process.execPath,
    [main, "serve", "--port", "0", "--data", data, "--token", API_TOKEN, "--json", "--quiet", ...options],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  // When a contender fails, the benchmark ends where it is; no server may outlive it.
  const kill = (): boolean => child.kill();
  process.once("exit", kill);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`the server ended with ${code} before it listened`)));
    createInterface(child.stdout).once("line", (line) => resolve(listeningUrl(line)));
  });
  return {
    url,
    data,
    async stop() {
      process.off("exit", kill);
      kill();
      await ended;
    },
    discard: () => rmSync(data, { recursive: true, force: true }),
  };
}

function listeningUrl(line: string): string {
  const event: { type: string; url: string } = JSON.parse(line);
  if (event.type !== "listening") throw new Error(`the server's first line is no "listening" event: ${line}`);
  return event.url;
}

/** What the official SDK takes its settings from. */
export function sdkEnvironment(url: string): Record<string, string> {
  return { CLOUDFLARE_BASE_URL: url, CLOUDFLARE_API_TOKEN: API_TOKEN, CLOUDFLARE_ACCOUNT_ID: ACCOUNT_ID };
}
