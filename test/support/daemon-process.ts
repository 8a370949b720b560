// The daemon in a process of its own, in a folder of its own, for end-to-end tests: started, edited beside, asked, stopped.

import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CliRun, ended, records, runCli, startCli } from "./cli.ts";
import { embeddedValues } from "./embedded-values.ts";
import { STABLE_AFTER_MS } from "../../src/core/rest.ts";

export const TWO_WAY = "{ account: local, mode: two-way, create: true, poll_interval: 1s, settle_window: 1s }";

export class DaemonFixture {
  readonly dir = mkdtempSync(join(tmpdir(), "kvsync-daemon-"));
  /** What the daemon has said since it was last started. */
  out = "";
  err = "";
  #daemon: ChildProcess | undefined;
  #ended: Promise<CliRun> | undefined;

  async close(): Promise<void> {
    if (this.#daemon?.exitCode === null && this.#daemon.signalCode === null) await this.stop("SIGKILL");
    rmSync(this.dir, { recursive: true, force: true });
  }

  config(...lines: readonly string[]): void {
    const head = ["state_dir: ./state", "accounts: { local: { endpoint: embedded } }", "root: ./kv"];
    const body = lines.length === 0 ? [`mappings: { app: ${TWO_WAY} }`] : lines;
    this.write("kvsync.yaml", [...head, ...body].join("\n"));
  }

  write(path: string, content: string): void {
    mkdirSync(join(this.dir, path, ".."), { recursive: true });
    writeFileSync(join(this.dir, path), content);
  }

  writeMany(count: number): void {
    for (let i = 0; i < count; i++) this.write(`kv/app/k${i}`, `value ${i}`);
  }

  remove(...paths: readonly string[]): void {
    for (const path of paths) rmSync(join(this.dir, path), { recursive: true, force: true });
  }

  read(path: string): string {
    return readFileSync(join(this.dir, path), "utf8");
  }

  has(path: string): boolean {
    return existsSync(join(this.dir, path));
  }

  /** Starts the daemon, and waits until each mapping has had its first round (with --json: until it is ready). */
  async start(...args: readonly string[]): Promise<void> {
    this.out = this.err = "";
    this.#daemon = startCli(["run", ...args], { cwd: this.dir });
    this.#ended = ended(this.#daemon);
    this.#daemon.stdout?.on("data", (chunk: Buffer) => (this.out += chunk.toString()));
    this.#daemon.stderr?.on("data", (chunk: Buffer) => (this.err += chunk.toString()));
    const isOver = this.#ended.then((run) => {
      throw new Error(`the daemon ended with ${run.code}: ${run.stderr}`);
    });
    isOver.catch(() => {});
    await Promise.race([this.until(() => this.out.includes("Ctrl-C") || this.out.includes('"ready"')), isOver]);
  }

  /** Makes changes to a mapping that one round sees, however slow the machine is: it is paused until the last of them counts as written to its end. */
  async atOnce(mapping: string, change: () => unknown): Promise<void> {
    await this.done("pause", mapping);
    await change();
    await pause(2 * STABLE_AFTER_MS);
    await this.done("resume", mapping);
  }

  /** Runs a command that is to end with 0. */
  async done(...args: readonly string[]): Promise<void> {
    const { code, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(stderr);
  }

  kill(signal: NodeJS.Signals): void {
    this.#daemon?.kill(signal);
  }

  stop(signal: NodeJS.Signals = "SIGTERM"): Promise<CliRun> {
    this.kill(signal);
    return this.#ended!;
  }

  /** How the daemon ends, of itself. */
  ended(): Promise<CliRun> {
    return this.#ended!;
  }

  run(...args: readonly string[]): Promise<CliRun> {
    return runCli(args, { cwd: this.dir });
  }

  async keys(name = "app"): Promise<readonly string[]> {
    return (await this.run("key", "list", "-n", name)).stdout.split("\n").filter((line) => line !== "");
  }

  /** The keys of the namespace `name` of the embedded account, without a process that lists them. */
  storedKeys(name = "app"): readonly string[] {
    return Object.keys(embeddedValues(join(this.dir, "state"), name));
  }

  async stateOf(name = "app"): Promise<unknown> {
    const { stdout } = await this.run("status", "--json");
    return records(stdout).find((record) => record["mapping"] === name)?.["state"];
  }

  /** Looks again and again, as a person would: the daemon is another process, and its clock is the real one. */
  async until(isTrue: () => boolean | Promise<boolean>, timeoutMs = UNTIL_MS): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!(await isTrue())) {
      if (Date.now() > end) throw new Error(`it did not come true: ${isTrue.toString()}\n${this.out}\n${this.err}`);
      await pause(20);
    }
  }
}

/** What surely comes is waited for, however slow the machine is today. */
const UNTIL_MS = 60_000;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
