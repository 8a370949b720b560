// The command line as its users meet it: the real program in a process of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface CliRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly bytes: Buffer;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from stdin; nothing unless given. */
  readonly input?: string | Uint8Array;
}

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Starts `kvsync` with nothing of this process's environment but where programs are. */
export function startCli(args: readonly string[], { cwd, env = {} }: CliOptions): ChildProcess {
  return spawn(process.execPath, [main, ...args], {
    cwd,
    env: { PATH: process.env["PATH"], HOME: cwd, XDG_CACHE_HOME: join(tmpdir(), "kvsync-test-cache"), ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** Runs `kvsync` to its end. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CliRun> {
  const child = startCli(args, options);
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(options.input ?? "");
  return ended(child);
}

/** What `child` writes until it ends. */
export function ended(child: ChildProcess): Promise<CliRun> {
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      const bytes = Buffer.concat(out);
      resolve({ code, signal, bytes, stdout: bytes.toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}

/** The lines of JSON in `text`. */
export function records(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
