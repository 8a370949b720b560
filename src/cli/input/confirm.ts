// A question on the terminal, before what cannot be undone.

import { createInterface } from "node:readline/promises";
import process from "node:process";
import type { Output } from "../render/output.ts";

export interface ConfirmDeps {
  readonly stdin: NodeJS.ReadStream;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Asks until an answer is given; anything but `y` and `yes` is a no. Rejects when the command is stopped. */
export async function confirm(question: string, { stdin, output, signal }: ConfirmDeps): Promise<boolean> {
  await output.flush();
  const terminal = createInterface({ input: stdin, output: process.stderr });
  // The terminal is in raw mode while it is read, and Ctrl-C a key.
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    terminal.close();
  }
}
