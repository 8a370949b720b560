// The command line as its users meet it: the real program, bundled as it is published, in a process of its own.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { inject, onTestFailed, TestRunner } from "vitest";

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
  /** The user it runs as, if this one may start programs as another. */
  readonly uid?: number | undefined;
  /** How many files it may have open, where there is a bash to say so. */
  readonly openFiles?: number;
  /** What it reads from stdin; nothing unless given. */
  readonly input?: string | Uint8Array;
}

/** See build-cli.ts. */
const bundle = inject("cliBundle");
const main = join(bundle, "main.js");

/** Starts `kvsync` with nothing of this process's environment but where programs are. */
export function startCli(args: readonly string[], { cwd, env = {}, uid, openFiles }: CliOptions): ChildProcess {
  const program = [process.execPath, main, ...args];
  const limited =
    openFiles === undefined ? program : ["bash", "-c", `ulimit -n ${openFiles}; exec "$@"`, "bash", ...program];
  return unlessTestFails(
    spawn(limited[0]!, limited.slice(1), {
      cwd,
      env: { PATH: process.env["PATH"], HOME: cwd, XDG_CACHE_HOME: join(bundle, "cache"), ...env },
      stdio: ["pipe", "pipe", "pipe"],
      ...(uid !== undefined && { uid, gid: uid }),
    }),
  );
}

/** A test that fails leaves no process behind, which would keep what it holds from the next test. What one that passes has started, the next
 * tests of its file may use. One that was started for all tests of a file, or by tests that run beside each other, is theirs to end. */
function unlessTestFails(child: ChildProcess): ChildProcess {
  const test = TestRunner.getCurrentTest();
  if (test !== undefined && test.concurrent !== true) onTestFailed(() => void child.kill("SIGKILL"));
  return child;
}

/** Whether the user `uid` may run the program. */
export function mayRun(uid: number, cwd: string): boolean {
  const args = [main, "--version"];
  return spawnSync(process.execPath, args, { cwd, uid, gid: uid, env: {} }).status === 0;
}

/** Runs `kvsync` to its end. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CliRun> {
  const child = startCli(args, options);
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(options.input ?? "");
  return ended(child);
}

/** Runs a script of bash to its end; in it, `kvsync` is the program. */
export function runScript(script: string, { cwd, env = {} }: CliOptions): Promise<CliRun> {
  const program = 'kvsync() { "$NODE" "$MAIN" "$@"; }';
  const child = spawn("bash", ["-c", `${program}\n${script}`], {
    cwd,
    env: { ...scriptEnv(cwd), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return ended(child);
}

/** Whether {@link startOnTerminal} finds what it needs: `script` of util-linux. */
export function hasTerminals(): boolean {
  const { status, stdout } = spawnSync("script", ["--version"], { encoding: "utf8" });
  return status === 0 && stdout.includes("util-linux");
}

/** Starts `kvsync` with `args` (plain words) on a terminal of its own: what is written to stdin is typed there, and
 * stdout is what the terminal shows. */
export function startOnTerminal(args: readonly string[], { cwd, env = {} }: CliOptions): ChildProcess {
  const command = ['exec "$NODE" "$MAIN"', ...args].join(" ");
  return spawn("script", ["-qec", command, "/dev/null"], {
    cwd,
    env: { ...scriptEnv(cwd), SHELL: "/bin/sh", TERM: "dumb", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

function scriptEnv(cwd: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    HOME: cwd,
    XDG_CACHE_HOME: join(bundle, "cache"),
    NODE: process.execPath,
    MAIN: main,
  };
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
