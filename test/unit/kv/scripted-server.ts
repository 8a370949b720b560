// An HTTP server that answers what a test tells it to, and keeps what it was sent: for answers that the embedded server
// has no reason to give.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface SentRequest {
  readonly method: string;
  /** The raw target. */
  readonly target: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly SentRequest[];
}

export type Script = (request: SentRequest, response: ServerResponse, number: number) => void;

/** `script` is called with each request, counted from 0. */
export async function startScriptedServer(script: Script): Promise<ScriptedServer> {
  const requests: SentRequest[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("error", () => undefined);
    incoming.on("end", () => {
      const request: SentRequest = {
        method: incoming.method ?? "",
        target: incoming.url ?? "",
        headers: incoming.headers,
        body: Buffer.concat(chunks),
      };
      requests.push(request);
      script(request, response, requests.length - 1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/client/v4`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers with an envelope. */
export function answer(response: ServerResponse, result: unknown, info?: unknown): void {
  const body = {
    result,
    success: true,
    errors: [],
    messages: [],
    ...(info === undefined ? {} : { result_info: info }),
  };
  send(response, 200, JSON.stringify(body), { "content-type": "application/json" });
}

/** Answers with a failure in an envelope. */
export function refuse(
  response: ServerResponse,
  status: number,
  code: number | undefined,
  message = "no",
  headers: Record<string, string> = {},
): void {
  const errors = code === undefined ? [] : [{ code, message }];
  send(response, status, JSON.stringify({ result: null, success: false, errors, messages: [] }), headers);
}

export function send(
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-length": Buffer.byteLength(body), ...headers });
  response.end(body);
}
