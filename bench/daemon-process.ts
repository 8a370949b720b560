// A real `kvsync run` beside a benchmark: started, asked how it stands and what it takes, and stopped.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { MAIN } from "./cases.ts";

/** Longer than a connection is kept for the next request, and than it takes V8 to collect what a round left behind: 8 s in which
 * little happens. */
const IDLE_MS = 12_000;
export const WAIT_MS_MAX = 300_000;

const here = dirname(fileURLToPath(import.meta.url));

export interface Reading {
  readonly moment: string;
  readonly rssBytes: number;
  readonly peakBytes: number;
  readonly descriptors: number;
  readonly timers: number;
  readonly watches: number;
}

export interface Daemon {
  readonly pid: number;
  /** Sends a request and waits for the answer: what `kvsync status --json` says of the only mapping. */
  status(): { readonly state: string; readonly pending: number; readonly requests: number };
  read(moment: string): Promise<Reading>;
  stop(): Promise<void>;
}

export async function startDaemon(config: string): Promise<Daemon> {
  const probe = `${config}.probe`;
  const child = spawn(MAIN, ["run", "--json", "--quiet", "-c", config], {
    env: { ...process.env, NODE_OPTIONS: `--import=${join(here, "daemon-probe.mjs")}`, KVSYNC_BENCH_PROBE: probe },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const kill = (): boolean => child.kill();
  process.once("exit", kill);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const pid = child.pid!;
  return {
    pid,
    status: () => statusOf(config),
    async read(moment) {
      await pause(IDLE_MS);
      rmSync(probe, { force: true });
      process.kill(pid, "SIGUSR2");
      while (!existsSync(probe)) await pause(10);
      const resources = JSON.parse(readFileSync(probe, "utf8")) as Readonly<Record<string, number>>;
      return { moment, ...memoryOf(pid), timers: resources["Timeout"] ?? 0, watches: resources["FSEventWrap"] ?? 0 };
    },
    async stop() {
      process.off("exit", kill);
      expectAlive(child);
      kill();
      await ended;
    },
  };
}

function statusOf(config: string): ReturnType<Daemon["status"]> {
  const output = execFileSync(MAIN, ["status", "--json", "-c", config], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const records = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  const mapping = records.find(({ type }) => type === "mapping")!;
  const accounts = records.at(-1)!["accounts"] as readonly { readonly requests: { readonly total: number } }[];
  const requests = accounts.reduce((sum, account) => sum + account.requests.total, 0);
  return { state: String(mapping["state"]), pending: Number(mapping["pending"]), requests };
}

export function memoryOf(pid: number): Pick<Reading, "rssBytes" | "peakBytes" | "descriptors"> {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
  return {
    rssBytes: kibibytes("VmRSS") * 1024,
    peakBytes: kibibytes("VmHWM") * 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

function expectAlive(child: ChildProcess): void {
  if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}: its figures mean nothing`);
}

/** Waits until the daemon says so `times` in a row. It is not told to look: what was changed has to be noticed. */
export async function inStep(daemon: Daemon, times = 3): Promise<void> {
  const end = Date.now() + WAIT_MS_MAX;
  for (let seen = 0; seen < times;) {
    if (Date.now() > end) throw new Error(`the daemon did not come to be in step: ${JSON.stringify(daemon.status())}`);
    const { state, pending } = safely(() => daemon.status()) ?? { state: "starting", pending: 0 };
    seen = state === "in-step" && pending === 0 ? seen + 1 : 0;
    if (seen < times) await pause(100);
  }
}

/** Undefined while the daemon does not listen yet. */
function safely<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if ((error as { readonly status?: number }).status === 1) return undefined;
    throw error;
  }
}
