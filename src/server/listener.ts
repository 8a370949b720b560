// The HTTP side of the server: connections, and the life of the requests on them.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import process from "node:process";
import type { Clock, DurationMs } from "../core/clock.ts";
import { counted } from "../core/counted.ts";
import { AppError, assert, visible } from "../core/errors.ts";
import { openBodyPace } from "./access/body-pace.ts";
import { limitConnections } from "./access/connection-limit.ts";
import type { Health } from "./access/health.ts";
import { shownTarget } from "./access/shown-target.ts";
import type { AnsweredExchange } from "./answered-exchange.ts";
import { ClientGone } from "./client-gone.ts";
import { describeError } from "./describe-error.ts";
import type { Feed, Feeds } from "./feed/feeds.ts";
import { type ExchangeDeps, reply, type Reply } from "./exchange.ts";
import { unavailable } from "./refusal.ts";
import { encodeAnswer, type EncodedAnswer, rayIds, sendAnswer } from "./send-answer.ts";

/** Not imported: an import of node:http loads the undici of Node as well, for its export WebSocket, which takes 40 ms of a start. */
const { createServer } = process.getBuiltinModule("node:http");

/** Longer than a client pauses between two rounds, so that it can keep its connections. */
const KEEP_ALIVE_MS = 300_000;
/** A body of 100 MB over a slow line may take its time. */
const REQUEST_TIMEOUT_MS = 900_000;
/** A client that has connected has something to say. */
const HEADERS_TIMEOUT_MS = 30_000;
/** How long an answer may wait for who does not read on. */
const STALL_MS = 120_000;
/** How long closing waits for clients that still send, or do not read their answers. */
const CLOSE_GRACE_MS = 5000;

export interface ListenerDeps extends ExchangeDeps {
  readonly health: Health;
  /** How many connections there may be at once. */
  readonly maxConnections: number;
  readonly headersTimeoutMs?: DurationMs | undefined;
  /** Told what a person should know of. */
  warn(message: string): void;
  /** Called when a reply has been handed over, for work that nobody waits for. */
  afterReply(): void;
  /** Undefined: there are none. */
  readonly feeds: Feeds | undefined;
}

export interface Listener {
  /** Resolves to the port, or throws AppError "address-in-use" or "usage". */
  listen(host: string, port: number): Promise<number>;
  /** Requests are served as ever, but each is the last on its connection, and /health says that the server stops. */
  drain(): void;
  /** Takes no more requests, and finishes those that have begun, unless their clients take longer than five seconds: then it says how many. */
  close(): Promise<void>;
}

export function openListener(deps: ListenerDeps): Listener {
  const nextRayId = rayIds(deps.clock);
  const closing = new AbortController();
  let isDraining = false;
  const exchanges = new Map<IncomingMessage, Promise<void>>();
  /** The last exchange of each connection: a pipelined DELETE must not overtake the PUT whose body is still on its way. */
  const latest = new WeakMap<Socket, Promise<void>>();

  async function exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = deps.clock.monotonic();
    // Before anything else is looked at.
    const before = deps.health.answer(request) ?? (limit.isSurplus(request.socket) ? unavailable(1).answer : undefined);
    if (before !== undefined) {
      const answer = await before;
      if (answer.status === 503 || isDraining) response.shouldKeepAlive = false;
      const encoded = encodeAnswer(answer, nextRayId(), deps.clock.now());
      await sendAnswer({ ...deps, keeps: false }, response, encoded, "whole");
      return;
    }
    pace.watch(request, response);
    const done = await reply(deps, request);
    try {
      if (done.delayMs > 0) await sleepUntilClosing(deps.clock, done.delayMs, closing.signal);
      const encoded = encodeAnswer(done.answer, nextRayId(), deps.clock.now());
      if (isDraining) response.shouldKeepAlive = false;
      // A client that still sends would be reset, and never read the answer; whoever asked for a close does it himself.
      else if (!request.complete) response.shouldKeepAlive = true;
      const { feed } = done.answer;
      if (feed !== undefined && done.delivery !== "reset" && request.method !== "HEAD")
        return await serveFeed(deps, feed, request, response, { encoded, isTruncated: done.delivery === "truncated" });
      response.setTimeout(STALL_MS, () => response.destroy());
      const body = await sendAnswer({ ...deps, keeps: deps.onAnswer !== undefined }, response, encoded, done.delivery);
      const { method = "", url = "" } = request;
      deps.log(`${method} ${shownTarget(url)} ${describe(done)} ${Math.round(deps.clock.monotonic() - startedAt)}ms`);
      if (done.delivery === "whole" && body !== undefined)
        deps.onAnswer?.(answered(request, done.requestBody, encoded, body));
      deps.afterReply();
    } finally {
      done.room?.leave();
    }
  }

  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: deps.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: Math.min(5000, deps.headersTimeoutMs ?? HEADERS_TIMEOUT_MS),
    },
    (request, response) => {
      const before = latest.get(request.socket);
      const inTurn = async (): Promise<void> => {
        await before;
        return exchange(request, response);
      };
      const running = inTurn().catch((error: unknown) => {
        deps.log(describeBroken(request, error));
        response.destroy();
      });
      exchanges.set(request, running);
      latest.set(request.socket, running);
      void running.finally(() => exchanges.delete(request));
    },
  );

  const limit = limitConnections(server, deps.maxConnections, {
    clock: deps.clock,
    closing: closing.signal,
    warn: (message) => deps.warn(message),
  });
  const pace = openBodyPace(deps.clock, closing.signal, ({ method = "", url = "" }) =>
    deps.log(`${method} ${shownTarget(url)} its body came too slowly`),
  );
  function drain(): void {
    isDraining = true;
    deps.health.stop();
  }

  return {
    listen: (host, port) => listen(server, host, port),
    drain,
    async close() {
      drain();
      closing.abort();
      deps.feeds?.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await untilDone(exchanges, deps.clock);
      const { size } = exchanges;
      if (size > 0)
        deps.warn(
          `${counted(size, "request")} took over five seconds more and had to end: no half of a value is stored`,
        );
      server.closeAllConnections();
      await closed;
      // What it was about is given up before the data is let go of.
      await untilDone(exchanges, deps.clock);
    },
  };
}

/** Until all are over, or nobody waits any longer. */
async function untilDone(exchanges: ReadonlyMap<IncomingMessage, Promise<void>>, clock: Clock): Promise<void> {
  const grace = new AbortController();
  await Promise.race([
    Promise.all(exchanges.values()),
    clock.sleep(CLOSE_GRACE_MS, grace.signal).catch(() => undefined),
  ]);
  grace.abort();
}

/** Waits, but not beyond the closing of the server. */
async function sleepUntilClosing(clock: Clock, duration: DurationMs, closing: AbortSignal): Promise<void> {
  await clock.sleep(duration, closing).catch((error: unknown) => {
    if (!closing.aborted) throw error;
  });
}

/** Sends a feed from its head to its end. */
async function serveFeed(
  deps: ListenerDeps,
  feed: Feed,
  { method = "", url = "" }: IncomingMessage,
  response: ServerResponse,
  { encoded, isTruncated }: { readonly encoded: EncodedAnswer; readonly isTruncated: boolean },
): Promise<void> {
  const { clock, feeds } = deps;
  assert(feeds !== undefined, "a feed that nobody can serve");
  const line = `${method} ${shownTarget(url)} ${encoded.status} feed`;
  const startedAt = clock.monotonic();
  deps.log(`${line} begins`);
  const { "content-length": _, ...headers } = encoded.headers;
  response.writeHead(encoded.status, headers);
  const { why, events } = await feeds.serve(feed, response, { isTruncated });
  const seconds = Math.round((clock.monotonic() - startedAt) / 1000);
  deps.log(`${line} ends after ${seconds}s and ${events} events: ${why}`);
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): AppError {
  if (error.code === "EADDRINUSE") {
    return new AppError("address-in-use", `${visible(host)}:${port} is in use`, {
      cause: error,
      hint: "another kvsync may be serving there; choose another port, or 0 for a free one",
    });
  }
  return new AppError("usage", `cannot listen on ${visible(host)}:${port}: ${error.code ?? error.message}`, {
    cause: error,
    hint: "choose an address of this machine, and a port above 1023",
  });
}

function describeBroken({ method = "", url = "" }: IncomingMessage, error: unknown): string {
  return `${method} ${shownTarget(url)} ${error instanceof ClientGone ? error.message : describeError(error)}`;
}

function describe({ answer, delivery }: Reply): string {
  return delivery === "whole" ? String(answer.status) : delivery;
}

function answered(
  request: IncomingMessage,
  requestBody: Buffer | undefined,
  { status, headers }: EncodedAnswer,
  body: Buffer,
): AnsweredExchange {
  const { method = "", url = "" } = request;
  const [path = "", ...query] = url.split("?");
  return {
    method,
    path,
    query: query.join("?"),
    requestHeaders: request.headers,
    ...(requestBody === undefined ? {} : { requestBody }),
    status,
    headers,
    ...(method === "HEAD" ? {} : { body }),
  };
}
