// A question on the terminal, before what cannot be undone.

import { createInterface } from "node:readline/promises";
import process from "node:process";
import type { Output } from "../render/output.ts";

export interface ConfirmDeps {
  readonly stdin: NodeJS.ReadStream;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Asks, and resolves to the answer: anything but `y` and `yes` is a no, and so is the end of the input (Ctrl-D), also where it was
 * typed before the question. Rejects when the command is stopped. */
export async function confirm(question: string, { stdin, output, signal }: ConfirmDeps): Promise<boolean> {
  await output.flush();
  const terminal = createInterface({ input: stdin, output: process.stderr });
  // The terminal is in raw mode while it is read, and Ctrl-C a key.
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  // A Ctrl-D that was typed before the terminal was in raw mode: Linux gives it as a NUL then.
  const onKey = (_: unknown, { sequence }: { readonly sequence?: string }): void => {
    if (sequence === "\0") terminal.close();
  };
  stdin.on("keypress", onKey);
  // readline rejects the question for some ends of the input, and forgets it for others; it closes for all of them.
  const ended = new Promise<undefined>((resolve) => terminal.once("close", () => resolve(undefined)));
  const asked = terminal.question(`${question} [y/N] `, { signal });
  try {
    const answer = await Promise.race([ended, asked]);
    // The cursor stands behind the question still.
    if (answer === undefined) process.stderr.write("\n");
    return answer !== undefined && /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    stdin.off("keypress", onKey);
    terminal.close();
  }
}
