// A question on the terminal whose answer is not shown.

import process from "node:process";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import type { ConfirmDeps } from "./confirm.ts";

/** What was typed up to the line end; undefined for the end of the input (Ctrl-D). Rejects when the command is stopped. */
export async function askSecret(question: string, { stdin, output, signal }: ConfirmDeps): Promise<string | undefined> {
  await output.flush();
  signal.throwIfAborted();
  // readline edits the line as ever, and shows it to no one.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output: nowhere, terminal: true, historySize: 0 });
  // The terminal is in raw mode while it is read, and Ctrl-C a key.
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  const stop = (): void => terminal.close();
  signal.addEventListener("abort", stop, { once: true });
  // A Ctrl-D that was typed before the terminal was in raw mode: Linux gives it as a NUL then.
  const onKey = (_: unknown, { sequence }: { readonly sequence?: string }): void => {
    if (sequence === "\0") terminal.close();
  };
  stdin.on("keypress", onKey);
  // The terminal shows nothing that is typed from now on.
  process.stderr.write(question);
  try {
    const answer = await new Promise<string | undefined>((resolve) => {
      terminal.once("line", resolve);
      terminal.once("close", () => resolve(undefined));
    });
    signal.throwIfAborted();
    return answer;
  } finally {
    signal.removeEventListener("abort", stop);
    stdin.off("keypress", onKey);
    terminal.close();
    process.stderr.write("\n");
  }
}
