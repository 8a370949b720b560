// The status page over HTTP, at one address: its connections and their bounds. What requests mean is known to page-routes.ts.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import process from "node:process";
import { listenAt } from "../../monitor/listen-at.ts";
import { send } from "./page-exchange.ts";
import { route, type RouteDeps } from "./page-routes.ts";

/** Not imported: an import of node:http loads the undici of Node as well, for its export WebSocket, which takes 40 ms of a start. */
const { createServer } = process.getBuiltinModule("node:http");

export interface PageServerOptions extends Omit<RouteDeps, "cookie"> {
  /** 0: a free one. */
  readonly port: number;
}

export interface PageServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Of a request, with its body. */
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 10_000;
/** A connection on which nothing moves, but for event streams and requests that the daemon works on. */
const IDLE_MS = 30_000;
const HEADER_BYTES_MAX = 16_384;
const CONNECTIONS_MAX = 200;

/** Throws AppError "address-in-use", and "config-invalid" for an address that is none of this machine. */
export async function openPageServer(options: PageServerOptions): Promise<PageServer> {
  const { host } = options.names;
  let deps: RouteDeps = { ...options, cookie: "" };
  /** Connections that are silent since the daemon works on what they ask for, or since they are streams. */
  const busy = new WeakSet<Socket>();
  const server = createServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    (request, response) => {
      busy.add(request.socket);
      void respond(deps, request, response).then((isOver) => isOver && busy.delete(request.socket));
    },
  );
  server.on("timeout", (socket) => {
    if (!busy.has(socket)) socket.destroy();
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.timeout = IDLE_MS;
  const port = await listenAt(server, {
    host,
    port: options.port,
    what: "the status page",
    otherPort: "choose another port with page.listen in the config, or kvsync run --page PORT",
  });
  // Cookies are shared by all ports of a name, and there may be other daemons.
  deps = { ...options, cookie: `kvsync_session_${port}` };
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** False: the connection is a stream now. */
async function respond(deps: RouteDeps, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  // Who asks and goes away misses nothing that was promised.
  response.on("error", () => undefined);
  request.on("error", () => undefined);
  try {
    const reply = await route(deps, request, response);
    if (reply === undefined) return false;
    send(request, response, reply);
  } catch (error) {
    response.destroy();
    // A connection that breaks off in its request is nobody's bug.
    if (!request.destroyed || typeof (error as NodeJS.ErrnoException).code !== "string") deps.onBug(error);
  }
  return true;
}
