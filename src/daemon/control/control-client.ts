// Asks the daemon of a state folder, over its control socket.

import { connect, type Socket } from "node:net";
import type { Clock, DurationMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import { readHolder } from "../../journal/lock.ts";
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

/** What takes no time to answer, if somebody is there who answers. A round that is asked for, and the end of one, take as long as they do. */
const AT_ONCE: ReadonlySet<ControlRequest["op"]> = new Set(["ping", "status", "events", "plan", "page-link"]);
/** A daemon that looks through a large folder may be busy for a second or two. */
const SILENCE_MS_MAX: DurationMs = 10_000;

/** Throws AppError `not-running` if no daemon works with `stateDir`, `io` if it does not answer. */
export async function openControlClient(
  stateDir: string,
  { clock, signal }: { readonly clock: Clock; readonly signal?: AbortSignal },
): Promise<ControlClient> {
  const socket = await open(stateDir);
  const lines = readLines(socket);
  const onAbort = (): void => void socket.destroy(signal?.reason as Error);
  signal?.addEventListener("abort", onAbort, { once: true });
  const close = (): void => {
    signal?.removeEventListener("abort", onAbort);
    socket.destroy();
  };
  /** The line that answers `request`. A daemon that was stopped takes what is said to it, and answers nothing. */
  async function ask(request: ControlRequest): Promise<string> {
    signal?.throwIfAborted();
    socket.write(`${JSON.stringify(request)}\n`);
    const waiting = new AbortController();
    let isSilent = false;
    if (AT_ONCE.has(request.op))
      clock.sleep(SILENCE_MS_MAX, waiting.signal).then(
        () => {
          isSilent = true;
          socket.destroy();
        },
        () => {},
      );
    try {
      const { done, value } = await lines.next();
      signal?.throwIfAborted();
      if (isSilent) throw silent(stateDir);
      if (done === true) throw notRunning(stateDir, "went away before it answered");
      return value;
    } finally {
      waiting.abort();
    }
  }
  try {
    // One that is older knows no such request, and says so.
    await ask({ op: "ping" });
  } catch (error) {
    close();
    throw error;
  }
  return {
    async call(request) {
      const value = await ask(request);
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
    close,
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

function silent(stateDir: string): AppError {
  const holder = readHolder(stateDir);
  const pid = holder === undefined ? "its process" : `process ${holder.pid}`;
  const go = holder === undefined ? "" : `; kill -CONT ${holder.pid} lets one that was stopped go on`;
  const silence = renderDuration(SILENCE_MS_MAX);
  return new AppError("io", `the daemon of the state folder ${stateDir} has not answered for ${silence}`, {
    hint: `look whether ${pid} was stopped, or the machine is very busy${go}. If it hangs, end it and start it again: nothing is lost by that`,
    retryable: true,
  });
}

function refused(stateDir: string, error: NodeJS.ErrnoException): AppError {
  return new AppError("io", `cannot ask the daemon of the state folder ${stateDir}: ${error.message}`, {
    hint: error.code === "EACCES" ? "ask as the user that runs it" : "see its log",
    cause: error,
  });
}
