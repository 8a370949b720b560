// A server over PostgreSQL, and fifty daemons that pull one namespace from it, each with a folder of its own: started, read, and stopped.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { MAIN } from "./cases.ts";
import { benchRoot } from "./make-tree.ts";
import { ACCOUNT_ID, API_TOKEN } from "./server-process.ts";

/** A process, and how it ends. */
interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
}

export interface FleetServer {
  readonly port: number;
  readonly pid: number;
  /** The requests that it has answered since it was asked last, by operation: "GET keys". */
  takeRequests(): Record<string, number>;
  start(): Promise<void>;
  stop(signal: NodeJS.Signals): Promise<void>;
}

export interface FleetDaemon {
  readonly folder: string;
  readonly pid: number;
  start(): void;
  stop(): Promise<void>;
  /** What it has said on stderr. */
  said(): string;
}

/** Below a namespace. */
const REQUEST = /"(GET|PUT|POST|DELETE) \S+\/namespaces\/[0-9a-f]{32}\/?([a-z]*(?:\/(?:get|delete))?)\S* \d{3} /;

export async function openFleetServer(store: readonly string[]): Promise<FleetServer> {
  let running: Running;
  let port = 0;
  let requests: Record<string, number> = {};
  async function start(): Promise<void> {
    const child = spawn(
      process.execPath,
      [MAIN, "serve", "--port", String(port), "--token", API_TOKEN, "--json", "-v", ...store],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    running = { child, ended: endedWith(child) };
    createInterface(child.stderr).on("line", (line) => {
      const [, method, operation] = REQUEST.exec(line) ?? [];
      // The end of a feed is no request.
      if (method === undefined || line.includes("feed ends")) return;
      const name = `${method} ${operation}`;
      requests[name] = (requests[name] ?? 0) + 1;
    });
    const line = await new Promise<string>((resolve, reject) => {
      createInterface(child.stdout).once("line", resolve);
      child.once("close", (code) => reject(new Error(`the server ended with ${code} before it listened`)));
    });
    port = Number(new URL((JSON.parse(line) as { readonly url: string }).url).port);
  }
  await start();
  return {
    get port() {
      return port;
    },
    get pid() {
      return running.child.pid!;
    },
    takeRequests() {
      const taken = requests;
      requests = {};
      return taken;
    },
    start,
    async stop(signal) {
      running.child.kill(signal);
      await running.ended;
    },
  };
}

export function openFleetDaemon(port: number, title: string): FleetDaemon {
  const dir = mkdtempSync(join(benchRoot(), "fleet-"));
  const folder = join(dir, "kv");
  mkdirSync(folder);
  const account = { endpoint: `http://127.0.0.1:${port}/client/v4`, account_id: ACCOUNT_ID, api_token: API_TOKEN };
  const mapping = { account: "server", namespace: title, folder, mode: "pull" };
  const config = join(dir, "kvsync.yaml");
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({ state_dir: join(dir, "state"), accounts: { server: account }, mappings: { app: mapping } }),
  );
  let running: Running | undefined;
  let said = "";
  return {
    folder,
    get pid() {
      return running!.child.pid!;
    },
    start() {
      const child = spawn(process.execPath, [MAIN, "run", "--json", "-c", config], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-20_000)));
      running = { child, ended: endedWith(child) };
    },
    async stop() {
      running?.child.kill("SIGTERM");
      await running?.ended;
      running = undefined;
    },
    said: () => said,
  };
}

/** However this process ends, none of these outlives it. */
const alive = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

function endedWith(child: ChildProcess): Promise<void> {
  alive.add(child);
  return new Promise((resolve) =>
    child.once("close", () => {
      alive.delete(child);
      resolve();
    }),
  );
}

/** Whether the folder has exactly these keys, with these values. */
export function holds(folder: string, values: ReadonlyMap<string, string>): boolean {
  const names = readdirSync(folder).filter((name) => !name.startsWith("%"));
  return names.length === values.size && names.every((name) => contentOf(join(folder, name)) === values.get(name));
}

export function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Returns after how many milliseconds it was true of each. */
export async function whenTrue<T>(all: readonly T[], isTrue: (one: T) => boolean, msMax: number): Promise<number[]> {
  const began = performance.now();
  const took: number[] = [];
  let left = [...all];
  while (left.length > 0) {
    left = left.filter((one) => {
      const is = isTrue(one);
      if (is) took.push(performance.now() - began);
      return !is;
    });
    if (left.length > 0 && performance.now() - began > msMax)
      throw new Error(`it did not come true of ${left.length} of ${all.length} within ${msMax / 1000} s`);
    if (left.length > 0) await pause(5);
  }
  return took;
}

/** Processor time of a process, in milliseconds. */
export function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  // In ticks of 10 ms: what it has used itself, and what the system has for it.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
