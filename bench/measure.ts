// Measures whole processes: wall time around the spawn, and the peak resident memory. Contenders take turns within one
// run, so that whatever else the machine does meets all of them, and medians are compared.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { benchRoot } from "./make-tree.ts";

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Exit codes that mean it did its work; 0 unless given. */
  readonly exitCodes?: readonly number[];
  /** For what takes so little time that looking at its memory would count. */
  readonly wallOnly?: boolean;
  /** The file that takes what it prints; nowhere unless given. */
  readonly stdoutTo?: string;
}

export interface Sample {
  readonly wallMs: number;
  /** Undefined: not looked at. */
  readonly peakBytes: number | undefined;
}

/** One thing that is measured: `prepare` runs before each run and is not measured, `finish` after it. */
export interface Contender {
  readonly name: string;
  /** Undefined: the program is not installed here. */
  prepare(): Promise<Command | undefined>;
  finish?(): Promise<void>;
}

export interface Measured {
  readonly name: string;
  readonly samples: readonly Sample[];
}

/** Runs all contenders once, then all again, `runs` times. Those that are not installed have no samples. */
export async function measureInTurns(contenders: readonly Contender[], runs: number): Promise<Measured[]> {
  const measured = contenders.map(({ name }) => ({ name, samples: [] as Sample[] }));
  for (let run = 0; run < runs; run++) {
    for (const [index, contender] of contenders.entries()) {
      const command = await contender.prepare();
      if (command !== undefined) measured[index]?.samples.push(await measure(command));
      await contender.finish?.();
    }
  }
  return measured;
}

/** Runs `command` to its end. Throws, with what it said on stderr, if it fails. */
export async function measure(command: Command): Promise<Sample> {
  const report = join(benchRoot(), `peak-${process.pid}`);
  // GNU time stands between so that the child is not born with this process's own peak (Linux carries ru_maxrss
  // over an exec); where it is missing, the kernel's high-water mark is sampled while the child runs.
  const timed = existsSync(GNU_TIME) && command.wallOnly !== true;
  const [program, args] = timed
    ? [GNU_TIME, ["-f", "%M", "-o", report, command.command, ...command.args]]
    : [command.command, command.args];
  const stdout = command.stdoutTo === undefined ? "ignore" : openSync(command.stdoutTo, "w");
  const started = process.hrtime.bigint();
  const child = spawn(program, args, {
    env: { ...process.env, ...command.env },
    stdio: ["ignore", stdout, "pipe"],
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
  });
  if (stdout !== "ignore") closeSync(stdout);
  const sampled = timed || command.wallOnly === true ? undefined : samplePeak(child);
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? -1));
  });
  const wallMs = Number(process.hrtime.bigint() - started) / 1e6;
  if (!(command.exitCodes ?? [0]).includes(exitCode)) {
    throw new Error(`${command.command} ${command.args.join(" ")} ended with ${exitCode}:\n${said}`);
  }
  const peakBytes = timed ? peakOf(readFileSync(report, "utf8")) : sampled?.();
  rmSync(report, { force: true });
  return { wallMs, peakBytes };
}

const GNU_TIME = "/usr/bin/time";

/** GNU time writes a line before the number when the child's exit code was not 0. */
function peakOf(report: string): number {
  return Number(report.trim().split("\n").at(-1)) * 1024;
}

function samplePeak(child: ChildProcess): () => number {
  let peakBytes = 0;
  const timer = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      peakBytes = Math.max(peakBytes, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024);
    } catch {
      // The process is gone, or there is no /proc here: what was seen so far stands.
    }
  }, 5);
  return () => {
    clearInterval(timer);
    return peakBytes;
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
