// The control socket: a unix socket in the state folder that only its owner may open. It owns the connections and the
// lines on them; what requests mean is the handler's.

import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import process from "node:process";
import { AppError } from "../../core/errors.ts";
import { redact } from "../../core/redact.ts";
import { parseRequest } from "./parse-request.ts";
import { failure, settleAnswer } from "./settle-answer.ts";
import { streamEvents } from "./event-stream.ts";
import type { Follow } from "./feed-event.ts";
import { type ControlAnswer, type ControlRequest, type EventsAnswer, REQUEST_BYTES_MAX } from "./protocol.ts";
import { openSocketPath } from "./socket-path.ts";

export interface ControlServerDeps {
  readonly stateDir: string;
  /** The answer to a request, but for `ping`, as plain data. An AppError is answered as an error; anything else is a bug. */
  readonly handle: (request: ControlRequest) => Promise<unknown>;
  /** The events of the daemon, for `events`. */
  readonly follow: Follow;
  /** Told about a bug in `handle`. */
  readonly onBug: (error: unknown) => void;
}

export interface ControlServer {
  readonly path: string;
  /** Ends all connections, and removes the socket. */
  close(): Promise<void>;
}

/** To be called under the state lock: a socket that lies there is a dead process's, and is removed. Throws AppError `io`. */
export async function openControlServer(deps: ControlServerDeps): Promise<ControlServer> {
  mkdirSync(deps.stateDir, { recursive: true, mode: 0o700 });
  const socketPath = openSocketPath(deps.stateDir);
  const { address, path } = socketPath;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    serve(socket, deps);
  });
  try {
    rmSync(path, { force: true });
    await listen(server, address);
    chmodSync(path, 0o600);
  } catch (error) {
    socketPath.close();
    throw new AppError("io", `cannot open the control socket ${path}: ${(error as Error).message}`, {
      hint: "set state_dir in the config to a folder on a local disk that this user may write",
      cause: error,
    });
  }
  return {
    path,
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of sockets) socket.destroy();
      await closed;
      rmSync(path, { force: true });
      socketPath.close();
    },
  };
}

function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    // Bound at once, so that the socket never has, not even for a moment, a mode that lets others in.
    const umask = process.umask(0o177);
    try {
      server.listen(address);
    } finally {
      process.umask(umask);
    }
  });
}

function serve(socket: Socket, deps: ControlServerDeps): void {
  let text = "";
  /** Requests of one connection are answered one after the other, in order. Nothing is read while some are not: whoever asks
   * and does not read the answers has one of them in memory, and no more. */
  let answering: Promise<void> = Promise.resolve();
  let unanswered = 0;
  const reply = async (line: string): Promise<void> => {
    // Nobody is there any more who could be told.
    if (socket.writable) {
      const { request, answer } = await answerLine(line, deps);
      send(socket, answer);
      if (answer.ok && request?.op === "events") {
        // Nothing that happened since the answer is left out.
        return follow(socket, deps.follow, request.since ?? (answer.result as EventsAnswer).last);
      }
    }
    await untilTaken(socket);
    if (--unanswered === 0) socket.resume();
  };
  socket.setEncoding("utf8");
  // Whoever asked has gone away: there is nobody to answer.
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: string) => {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    if (text.length > REQUEST_BYTES_MAX) {
      send(socket, failure(new AppError("usage", `a request has at most ${REQUEST_BYTES_MAX} bytes`)));
      socket.destroySoon();
      return;
    }
    for (const line of lines) {
      if (line.trim() === "") continue;
      unanswered++;
      socket.pause();
      answering = answering.then(() => reply(line));
    }
  });
}

/** From here on the connection carries events alone. What else is said on it is read and left unanswered, so that its end is seen. */
function follow(socket: Socket, events: Follow, since: number): void {
  if (!socket.writable) return;
  const sink = {
    get writableLength() {
      return socket.writableLength;
    },
    write: (line: string) => void (socket.writable && socket.write(redact(line))),
    onDrain: (listener: () => void) => void socket.on("drain", listener),
  };
  const unfollow = streamEvents(sink, events, since);
  socket.once("close", unfollow);
  socket.removeAllListeners("data");
  socket.resume();
}

/** Resolves when what was written has been handed on, or nobody is there who would take it. */
function untilTaken(socket: Socket): Promise<void> {
  if (!socket.writableNeedDrain || socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const taken = (): void => {
      socket.off("drain", taken);
      socket.off("close", taken);
      resolve();
    };
    socket.on("drain", taken);
    socket.on("close", taken);
  });
}

function send(socket: Socket, answer: ControlAnswer): void {
  if (socket.writable) socket.write(`${redact(JSON.stringify(answer))}\n`);
}

async function answerLine(
  line: string,
  { handle, onBug }: ControlServerDeps,
): Promise<{ readonly request?: ControlRequest; readonly answer: ControlAnswer }> {
  let request: ControlRequest | undefined;
  const answer = await settleAnswer(async () => {
    request = parseRequest(line);
    return request.op === "ping" ? {} : handle(request);
  }, onBug);
  return { ...(answer.ok && request !== undefined && { request }), answer };
}
