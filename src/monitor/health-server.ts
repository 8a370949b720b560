// Health and metrics over HTTP, on loopback only: GET /health for monitors and orchestrators, GET /metrics for Prometheus.
// Nothing can be changed through it.

import type { IncomingMessage, ServerResponse } from "node:http";
import process from "node:process";
import { AppError, visible } from "../core/errors.ts";
import { redact } from "../core/redact.ts";
import { isLoopback, isLoopbackHost } from "../core/loopback.ts";
import { type HealthSnapshot, judgeHealth } from "./health.ts";
import { listenAt } from "./listen-at.ts";
import type { Metrics } from "./metrics.ts";

/** Not imported: an import of node:http loads the undici of Node as well, for its export WebSocket, which takes 40 ms of a start. */
const { createServer } = process.getBuiltinModule("node:http");

export interface HealthServerOptions {
  /** 127.0.0.1 and its like, ::1, or localhost: states and names of mappings are nobody else's business. */
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly status: () => HealthSnapshot;
  readonly metrics: Metrics;
}

export interface HealthServer {
  /** `http://127.0.0.1:9477` */
  readonly url: string;
  close(): Promise<void>;
}

/** A monitor that does not finish its request must not keep a connection for long. */
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 64;

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Throws AppError "config-invalid" for an address that others can reach, "address-in-use". */
export async function openHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const host = options.host.replace(/^\[(.*)\]$/, "$1");
  if (!isLoopback(host)) {
    throw new AppError("config-invalid", `${visible(options.host)} is not a loopback address`, {
      hint: "health and metrics are served on 127.0.0.1 or ::1 only; let a proxy with authentication serve others",
    });
  }
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => void respond(options, request, response),
  );
  server.maxConnections = CONNECTIONS_MAX;
  const port = await listenAt(server, {
    host,
    port: options.port,
    what: "health and metrics",
    otherPort: "choose another port",
  });
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond(
  options: HealthServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Who asks and goes away misses nothing that was promised.
  response.on("error", () => undefined);
  const { status, contentType, body: text } = await answer(options, request);
  const body = redact(text);
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    ...(status === 405 ? { allow: "GET, HEAD" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

async function answer({ status, metrics }: HealthServerOptions, request: IncomingMessage): Promise<Answer> {
  const { method = "", url = "", headers } = request;
  // A web page whose name was made to point here has that name in it.
  if (!isLoopbackHost(headers.host)) return plain(421, "ask for localhost or 127.0.0.1");
  if (method !== "GET" && method !== "HEAD") return plain(405, "only GET and HEAD");
  switch (url.split("?", 1)[0] ?? "") {
    case "/health": {
      const report = judgeHealth(status());
      return {
        status: report.status === "ok" ? 200 : 503,
        contentType: "application/json",
        body: `${JSON.stringify(report)}\n`,
      };
    }
    case "/metrics": {
      const isOpen = headers.accept?.includes("application/openmetrics-text") === true;
      const { contentType, text } = await metrics.render(isOpen ? "openmetrics" : "text");
      return { status: 200, contentType, body: text };
    }
    default:
      return plain(404, "there are /health and /metrics");
  }
}

function plain(status: number, message: string): Answer {
  return { status, contentType: "text/plain; charset=utf-8", body: `${message}\n` };
}
