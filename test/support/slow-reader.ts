// Whoever reads a process's stdout: at once, or so slowly that everything on the way to it fills up.

import type { ChildProcess } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";

export interface ReadOutput {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A reader that does not begin for this long, and then rests this long after each piece. */
export interface Pace {
  readonly beforeMs: number;
  readonly restMs: number;
}

export async function readOutput(child: ChildProcess, pace?: Pace): Promise<ReadOutput> {
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  if (pace !== undefined) await pause(pace.beforeMs);
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    out.push(chunk);
    if (pace !== undefined) await pause(pace.restMs);
  }
  return { code: await exit, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() };
}
