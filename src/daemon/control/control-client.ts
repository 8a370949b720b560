// Asks the daemon of a state folder, over its control socket.

import { connect, type Socket } from "node:net";
import { AppError } from "../../core/errors.ts";
import type { FeedEvent } from "./feed-event.ts";
import type { ControlAnswer, ControlAnswers, ControlRequest } from "./protocol.ts";
import { openSocketPath } from "./socket-path.ts";

export interface ControlClient {
  /** Throws what the daemon answers with, or AppError `not-running` if it goes away meanwhile. One call at a time. */
  call<O extends ControlRequest["op"]>(request: Extract<ControlRequest, { op: O }>): Promise<ControlAnswers[O]>;
  /** What the daemon tells of after a call of `events`, until it goes away. No call follows. Throws the signal's reason. */
  events(): AsyncGenerator<FeedEvent, void>;
  close(): void;
}

/** Throws AppError `not-running` if no daemon works with `stateDir`. */
export async function openControlClient(stateDir: string, signal?: AbortSignal): Promise<ControlClient> {
  const socket = await open(stateDir);
  const lines = readLines(socket);
  const onAbort = (): void => void socket.destroy(signal?.reason as Error);
  signal?.addEventListener("abort", onAbort, { once: true });
  return {
    async call(request) {
      signal?.throwIfAborted();
      socket.write(`${JSON.stringify(request)}\n`);
      const { done, value } = await lines.next();
      signal?.throwIfAborted();
      if (done === true) throw notRunning(stateDir, "went away before it answered");
      const answer = JSON.parse(value) as ControlAnswer;
      if (answer.ok) return answer.result as never;
      const { code, message, hint } = answer.error;
      throw new AppError(code, message, hint === null ? {} : { hint });
    },
    async *events() {
      for (;;) {
        const { done, value } = await lines.next();
        signal?.throwIfAborted();
        if (done === true) return;
        yield (JSON.parse(value) as { readonly event: FeedEvent }).event;
      }
    },
    close() {
      signal?.removeEventListener("abort", onAbort);
      socket.destroy();
    },
  };
}

function open(stateDir: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let path;
    try {
      path = openSocketPath(stateDir);
    } catch (error) {
      reject(
        (error as NodeJS.ErrnoException).code === "ENOENT" ? notRunning(stateDir, "is not running", error) : error,
      );
      return;
    }
    const socket = connect(path.address);
    socket.setEncoding("utf8");
    socket.once("connect", () => {
      path.close();
      socket.removeAllListeners("error");
      // What breaks from here on ends the lines.
      socket.on("error", () => {});
      resolve(socket);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      path.close();
      const isGone = error.code === "ENOENT" || error.code === "ECONNREFUSED" || error.code === "ENOTDIR";
      reject(isGone ? notRunning(stateDir, "is not running", error) : refused(stateDir, error));
    });
  });
}

async function* readLines(socket: Socket): AsyncGenerator<string, void> {
  /** Of the line that has begun. Each chunk is looked through once, since an answer may be a hundred megabytes of history. */
  let pieces: string[] = [];
  try {
    for await (const chunk of socket as AsyncIterable<string>) {
      const [rest = "", ...others] = chunk.split("\n");
      pieces.push(rest);
      for (const begun of others) {
        yield pieces.join("");
        pieces = [begun];
      }
    }
  } catch (error) {
    // A connection that breaks has said what it said.
    if (typeof (error as NodeJS.ErrnoException).code !== "string") throw error;
  }
}

function notRunning(stateDir: string, what: string, cause?: unknown): AppError {
  return new AppError("not-running", `the daemon of the state folder ${stateDir} ${what}`, {
    hint: "start it with kvsync run",
    retryable: true,
    cause,
  });
}

function refused(stateDir: string, error: NodeJS.ErrnoException): AppError {
  return new AppError("io", `cannot ask the daemon of the state folder ${stateDir}: ${error.message}`, {
    hint: error.code === "EACCES" ? "ask as the user that runs it" : "see its log",
    cause: error,
  });
}
